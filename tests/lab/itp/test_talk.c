/* A call between two people, on a network of the test's own. */
#include "tests/lab/loop/probe.h"

#include "lab/itp/peer.h"
#include "stack/crypto/ossl.h"

static it_dtls_shared *SHARED;
static it_itp_peer *P[2];
static char SAID[2][1 << 16];

static bool talk_begin(void)
{
    if (!own_network(65536))
        return false;
    lo_set(SIOCSIFADDR, "lo:1", 0xc0000202, 0, 0);
    loop_begin();
    ck_assert_int_eq(it_ossl_init(), 0);
    ck_assert_int_eq(it_ossl_use_system(), 0);
    SHARED = it_dtls_shared_new(&PROBE_ALLOC);
    it_itp_peer_cfg cfg = {.alloc = &PROBE_ALLOC, .loop = LOOP, .shared = SHARED, .talk = true};
    for (int i = 0; i < 2; i++) {
        P[i] = it_itp_peer_new(&cfg);
        ck_assert_ptr_nonnull(P[i]);
        SAID[i][0] = '\0';
    }
    return true;
}

static void talk_end(void)
{
    for (int i = 0; i < 2; i++)
        it_itp_peer_free(P[i]);
    it_loop_free(LOOP);
    it_dtls_shared_free(SHARED);
    it_ossl_fini();
    ck_assert_int_eq(PROBE_ALLOC.live, 0);
}

static void go_on(void)
{
    pass_time(IT_MS);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(it_itp_peer_tick(P[i]), 0);
        it_bytes out = it_itp_peer_output(P[i]);
        size_t n = strlen(SAID[i]);
        ck_assert_uint_lt(n + out.n, sizeof SAID[i]);
        if (out.n)
            memcpy(SAID[i] + n, out.p, out.n);
        SAID[i][n + out.n] = '\0';
        it_itp_peer_written(P[i], out.n);
    }
}

/* |i| has said |text|, by and by, not before |from|; behind it. */
static const char *said(int i, const char *text, const char *from)
{
    size_t skip = from ? (size_t)(from - SAID[i]) : 0;
    it_time until = it_loop_now(LOOP) + 20 * IT_SEC;
    while (!strstr(SAID[i] + skip, text) && it_loop_now(LOOP) < until)
        go_on();
    const char *at = strstr(SAID[i] + skip, text);
    ck_assert_msg(at != NULL, "%s is not in: %s", text, SAID[i] + skip);
    return at + strlen(text);
}

static void types(int i, const char *text)
{
    ck_assert_int_eq(it_itp_peer_input(P[i], it_bytes_str(text)), 0);
}

/* The block that |i| shows first behind |from| is pasted at the other side. */
static const char *copies(int i, const char *from)
{
    const char *end = said(i, "-----END ICETANK PEER-----\n", from);
    const char *begin = strstr(from ? from : SAID[i], "-----BEGIN");
    ck_assert_ptr_nonnull(begin);
    ck_assert_int_eq(it_itp_peer_input(P[!i], it_bytes_of(begin, (size_t)(end - begin))), 0);
    return end;
}

START_TEST(two_people_copy_paste_and_talk)
{
    bool well = false;
    if (!talk_begin())
        return;
    types(0, "hello?\n");
    said(0, "not connected: paste the block of the other side first", NULL);
    const char *shown[] = {copies(0, NULL), copies(1, NULL)};
    said(0, "connected, direct_udp: host 192.0.2.2:", NULL);
    said(1, "connected, direct_udp: host 192.0.2.2:", NULL);
    types(0, "hello\n//begins with a slash\r\n");
    said(1, "< hello\n< /begins with a slash\n", NULL);
    types(1, "\033]0;a title\007 \302\233 \303\251\n"); /* what would steer a terminal, and what would not */
    said(0, "< ?]0;a title? ? \303\251\n", NULL);
    ck_assert_ptr_null(strstr(shown[0], "BEGIN")); /* nothing more was to be copied */
    /* To look for another path takes new blocks. */
    types(0, "/restart\n");
    said(0, "looking for a path anew", NULL);
    shown[0] = copies(0, shown[0]);
    shown[1] = copies(1, shown[1]);
    types(0, "still here\n");
    said(1, "< still here\n", NULL);
    types(1, "/quit\n");
    said(0, "closed: remote", NULL);
    ck_assert(it_itp_peer_over(P[0], &well) && well);
    ck_assert(it_itp_peer_over(P[1], &well) && well);
    talk_end();
}
END_TEST

START_TEST(mistakes_are_sentences)
{
    static char line[1100];
    bool well;
    if (!talk_begin())
        return;
    copies(0, NULL);
    copies(1, NULL);
    said(0, "connected,", NULL);
    types(0, "/nonsense\n");
    said(0, "there is no such command", NULL);
    types(0, "/help\n/stats\n");
    said(0, "/quit     hang up", NULL);
    said(0, "open, direct_udp; messages sent 0", NULL);
    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    types(0, line);
    said(0, "longer than 1000 bytes: not sent", NULL);
    types(0, "-----BEGIN ICETANK PEER-----\nAAAA\n-----END ICETANK PEER-----\n");
    said(0, "this block is damaged", NULL);
    types(0, "-----BEGIN ICETANK PEER-----\n47DEQpj8\n-----END ICETANK PEER-----\n");
    said(0, "* ", said(0, "this block is damaged", NULL));
    ck_assert(!it_itp_peer_over(P[0], &well));
    talk_end();
}
END_TEST

/* The block of |i|, behind what was said before it. */
static it_bytes block_of(int i)
{
    const char *end = said(i, "-----END ICETANK PEER-----\n", NULL), *begin = strstr(SAID[i], "-----BEGIN");
    return it_bytes_of(begin, (size_t)(end - begin));
}

START_TEST(half_a_block_is_missed_aloud_and_the_other_half_mends_it)
{
    if (!talk_begin())
        return;
    it_bytes block = block_of(0);
    size_t half = block.n / 2;
    ck_assert_int_eq(it_itp_peer_input(P[1], it_bytes_of(block.p, half)), 0);
    const char *at = said(1, "this block is not whole: paste what is missing, up to its last line", NULL);
    pass_time(IT_MS);
    ck_assert_int_eq(it_itp_peer_input(P[1], it_bytes_of(block.p + half, block.n - half)), 0);
    at = said(1, "their block is taken: trying to connect", at);
    copies(1, NULL);
    said(0, "connected,", NULL);
    said(1, "connected,", at);
    talk_end();
}
END_TEST

START_TEST(behind_half_a_block_commands_are_commands_and_text_is_told_to_be_none_of_it)
{
    bool well = false;
    if (!talk_begin())
        return;
    it_bytes block = block_of(0);
    const uint8_t *nl = memchr(block.p, '\n', block.n);
    size_t line = (size_t)(nl - block.p) + 1;
    ck_assert_int_eq(it_itp_peer_input(P[1], it_bytes_of(block.p, 2 * line)), 0);
    types(1, "\nhello there\n");
    const char *at = said(1, "this block is damaged: copy all of it, from BEGIN to END", NULL);
    ck_assert_int_eq(it_itp_peer_input(P[1], it_bytes_of(block.p, 2 * line)), 0);
    types(1, "\n/stats\n");
    at = said(1, "messages sent 0", at);
    types(1, "hello\n"); /* the half block is given up with it */
    said(1, "not connected: paste the block of the other side first", at);
    ck_assert_int_eq(it_itp_peer_input(P[1], it_bytes_of(block.p, 2 * line)), 0);
    types(1, "\n/quit\n");
    said(1, "closed: local", at);
    ck_assert(it_itp_peer_over(P[1], &well) && well);
    talk_end();
}
END_TEST

START_TEST(a_block_is_taken_however_its_bytes_come)
{
    static const size_t STEPS[] = {1, 2, 63, 65, 400, 4096};
    if (!talk_begin())
        return;
    it_bytes block = block_of(0);
    size_t step = STEPS[_i];
    for (size_t at = 0; at < block.n; at += step) {
        size_t n = block.n - at < step ? block.n - at : step;
        ck_assert_int_eq(it_itp_peer_input(P[1], it_bytes_of(block.p + at, n)), 0);
    }
    said(1, "their block is taken: trying to connect", NULL);
    copies(1, NULL);
    said(0, "connected,", NULL);
    talk_end();
}
END_TEST

START_TEST(the_end_of_input_hangs_up)
{
    bool well = false;
    if (!talk_begin())
        return;
    copies(0, NULL);
    copies(1, NULL);
    said(0, "connected,", NULL);
    types(0, "last words"); /* without an end of line */
    ck_assert_int_eq(it_itp_peer_eof(P[0]), 0);
    said(1, "< last words\n", NULL);
    said(1, "closed: remote", NULL);
    ck_assert(it_itp_peer_over(P[0], &well) && well);
    talk_end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/itp/talk");
    TCase *t = tcase_create("two people");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, two_people_copy_paste_and_talk);
    tcase_add_test(t, mistakes_are_sentences);
    tcase_add_test(t, half_a_block_is_missed_aloud_and_the_other_half_mends_it);
    tcase_add_test(t, behind_half_a_block_commands_are_commands_and_text_is_told_to_be_none_of_it);
    tcase_add_loop_test(t, a_block_is_taken_however_its_bytes_come, 0, 6);
    tcase_add_test(t, the_end_of_input_hangs_up);
    suite_add_tcase(s, t);
    return probe_main(s);
}
