/* stack/rendezvous/server.c, and the mailbox of its own that a signal server may have: clients by WebSocket and polls.
 */
#include "stack/rendezvous/server.h"

static it_rendezvous_cfg Limits;

static it_signal_server *serve_rendezvous(const it_signal_server_cfg *cfg)
{
    it_rendezvous_cfg own = Limits;
    own.signal = *cfg;
    own.signal.each = Limits.signal.each;
    return (it_signal_server *)(void *)it_rendezvous_new(&own);
}

/* The net's server is that of a rendezvous. */
#define it_signal_server_ops it_rendezvous_ops
#define it_signal_server_new serve_rendezvous
#include "tests/stack/signal/net.h"
#undef it_signal_server_ops
#undef it_signal_server_new

#define T1 "00000000000000a1"
#define T2 "00000000000000a2"

static net N;

static void setup(void)
{
    Limits = (it_rendezvous_cfg){.names = 0};
    net_begin(&N);
}

static void teardown(void)
{
    net_end(&N);
}

static const it_rendezvous_stats *stats(void)
{
    return it_rendezvous_stat((it_rendezvous *)(void *)N.server);
}

static void come(int i, const char *box)
{
    net_client(&N, i, box, i & 1 ? IT_SIGNAL_POLL : IT_SIGNAL_WEBSOCKET);
    net_run(&N, IT_SEC);
}

static void says(int i, const char *text)
{
    net_send(&N, i, IT_RENDEZVOUS_BOX, text);
    net_run(&N, IT_SEC);
}

/* What client |i| has heard since it was asked last is |text|, a line a message. */
static void heard(int i, const char *text)
{
    char got[NET_LOG] = "";
    for (char *line = strtok(N.log[i], "\n"); line; line = strtok(NULL, "\n")) {
        const char *from = "rendezvous: ";
        bool server = strncmp(line, from, strlen(from)) == 0;
        if (strcmp(line, "UP") == 0 || strncmp(line, "DOWN", 4) == 0)
            continue;
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s\n", server ? line + strlen(from) : line);
    }
    N.log[i][0] = '\0';
    ck_assert_str_eq(got, text);
}

START_TEST(a_call_for_whom_nobody_listens_is_refused_at_once)
{
    come(0, "a");
    says(0, "call " T1 " 0 bob");
    heard(0, "absent " T1 "\n");
    ck_assert(stats()->absent == 1 && stats()->open == 0);
}
END_TEST

START_TEST(what_the_ends_of_a_call_say_reaches_each_other_and_nobody_else)
{
    come(0, "a");
    come(1, "b");
    come(2, "c");
    says(1, "listen bob");
    heard(1, "listening bob\n");
    says(0, "call " T1 " 0 bob");
    heard(1, "call " T1 "\n");
    says(0, "more " T1 "\nha");
    says(0, "say " T1 "\nlf");
    heard(1, "more " T1 "\nha\nsay " T1 "\nlf\n");
    says(1, "say " T1 "\nanswer");
    heard(0, "say " T1 "\nanswer\n");
    says(2, "say " T1 "\nme, too");
    heard(2, "unknown " T1 "\n");
    says(2, "join " T1);
    says(2, "end " T1);
    says(2, "call " T1 " 0 bob");
    heard(2, "busy " T1 "\n");
    heard(0, "");
    heard(1, "");
    says(1, "end " T1);
    heard(0, "end " T1 "\n");
    ck_assert(stats()->calls == 1 && stats()->said == 3 && stats()->open == 0);
}
END_TEST

START_TEST(a_name_has_one_listener_until_it_leaves)
{
    come(0, "a");
    come(1, "b");
    says(0, "listen bob");
    says(0, "listen bob");
    heard(0, "listening bob\nlistening bob\n");
    says(1, "leave bob");
    says(1, "listen bob");
    heard(1, "taken bob\n");
    says(0, "leave bob");
    says(1, "listen bob");
    heard(1, "listening bob\n");
    ck_assert(stats()->names == 1 && stats()->taken == 1);
}
END_TEST

START_TEST(who_has_been_away_for_long_loses_its_name)
{
    come(0, "a");
    come(2, "b");
    says(0, "listen bob");
    it_signal_client_ops.free(N.c[0]);
    N.c[0] = NULL;
    net_cut(&N);
    net_run(&N, 20 * IT_SEC);
    says(2, "listen bob");
    says(2, "call " T1 " 0 bob");
    heard(2, "taken bob\n"); /* and the call waits in its mailbox */
    net_run(&N, 40 * IT_SEC);
    says(2, "call " T2 " 0 bob");
    heard(2, "absent " T2 "\n");
    says(2, "listen bob");
    heard(2, "listening bob\n");
}
END_TEST

START_TEST(a_call_waits_as_long_as_it_wants_to)
{
    come(0, "a");
    come(1, "b");
    says(0, "call " T1 " 5 bob");
    says(0, "call " T2 " 30 bob");
    heard(0, "");
    net_run(&N, 5 * IT_SEC);
    heard(0, "absent " T1 "\n");
    says(1, "listen bob");
    heard(1, "listening bob\ncall " T2 "\n");
    heard(0, "joined " T2 "\n");
    ck_assert(stats()->open == 1);
}
END_TEST

START_TEST(a_server_that_has_started_anew_learns_of_calls_by_their_ends)
{
    come(0, "a");
    come(1, "b");
    says(0, "join " T1);
    says(0, "say " T1 "\nearly");
    heard(0, ""); /* the other end is not there: it is told all when it is */
    says(1, "join " T1);
    heard(0, "joined " T1 "\n");
    heard(1, "joined " T1 "\n");
    says(0, "join " T1);
    says(0, "call " T1 " 0 bob");
    heard(0, "");
    says(0, "say " T1 "\nagain");
    heard(1, "say " T1 "\nagain\n");
}
END_TEST

START_TEST(who_is_busy_says_so)
{
    come(0, "a");
    come(1, "b");
    says(1, "listen bob");
    says(0, "call " T1 " 0 bob");
    says(1, "busy " T1);
    heard(0, "busy " T1 "\n");
    ck_assert(stats()->busy == 1 && stats()->open == 0);
}
END_TEST

static void restrict_to(it_rendezvous_cfg limits)
{
    it_rendezvous_ops.free(N.server);
    Limits = limits;
    net_serve(&N, (it_signal_server_cfg){.connections = 0});
}

START_TEST(names_and_calls_have_limits)
{
    restrict_to((it_rendezvous_cfg){.names = 1, .calls = 2, .calls_each = 2});
    come(0, "a");
    come(1, "b");
    says(0, "listen bob");
    says(0, "listen ben");
    heard(0, "listening bob\ntaken ben\n");
    says(0, "join " T1);
    says(0, "join " T2);
    says(0, "join 00000000000000a3"); /* the third of one client */
    says(0, "say 00000000000000a3\nx");
    heard(0, "unknown 00000000000000a3\n");
    says(1, "call 00000000000000a4 0 bob");
    heard(1, "busy 00000000000000a4\n");
    ck_assert(stats()->open == 2 && stats()->names == 1);
}
END_TEST

START_TEST(what_is_no_message_changes_nothing)
{
    static const char *const WRONG[] = {"", "hello", "absent " T1, "listening bob", "joined " T1, "call " T1};
    come(0, "a");
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        says(0, WRONG[i]);
    heard(0, "");
    ck_assert_uint_eq(stats()->broken, 5); /* a call without a name is one, of nobody */
}
END_TEST

START_TEST(nobody_else_opens_the_servers_mailbox)
{
    come(0, IT_RENDEZVOUS_BOX);
    net_run(&N, 2 * IT_SEC);
    ck_assert_msg(strncmp(N.log[0], "DOWN", 4) == 0, "%s", N.log[0]);
}
END_TEST

/* A source has its share of the names and calls; others have theirs. */
START_TEST(one_source_does_not_have_all_names_and_calls)
{
    char text[60];
    teardown();
    Limits = (it_rendezvous_cfg){.names = 4, .calls = 16, .signal = {.each = 2}};
    net_begin(&N);
    come(0, "a");
    come(1, "b");
    says(0, "listen one");
    says(0, "listen two");
    says(0, "listen three");
    heard(0, "listening one\nlistening two\ntaken three\n");
    says(1, "listen three");
    heard(1, "listening three\n");
    for (int k = 1; k <= 9; k++) {
        snprintf(text, sizeof text, "call %016x 60 nobody", (unsigned)k);
        says(0, text);
    }
    heard(0, "busy 0000000000000009\n");
    says(1, "call " T1 " 0 one");
    heard(0, "call " T1 "\n");
    ck_assert_uint_eq(stats()->open, 9);
}
END_TEST

/* Client |i| vanishes, and is noticed. */
static void vanishes(int i)
{
    it_signal_client_ops.free(N.c[i]);
    N.c[i] = NULL;
    net_cut(&N);
    net_run(&N, 40 * IT_SEC);
}

/* What its clients had that are gone does not count for a source for ever. */
START_TEST(a_source_that_has_enough_gets_back_what_its_clients_left)
{
    char text[60];
    teardown();
    Limits = (it_rendezvous_cfg){.names = 64, .calls = 64, .signal = {.each = 3}};
    net_begin(&N);
    come(0, "a");
    says(0, "listen one");
    says(0, "listen two");
    says(0, "listen three");
    for (int k = 1; k <= 12; k++) {
        snprintf(text, sizeof text, "join %016x", (unsigned)k);
        says(0, text);
    }
    says(0, "listen four");
    heard(0, "listening one\nlistening two\nlistening three\ntaken four\n");
    vanishes(0);
    come(0, "b");
    says(0, "listen fresh");
    heard(0, "listening fresh\n");
    says(0, "call " T1 " 60 nobody");
    heard(0, "");
    ck_assert(stats()->names == 1 && stats()->open == 1);
}
END_TEST

/* Nor does it keep a source from a name that another one has left. */
START_TEST(a_source_that_has_enough_takes_over_a_name_that_was_left)
{
    teardown();
    Limits = (it_rendezvous_cfg){.names = 64, .calls = 64, .signal = {.each = 2}};
    net_begin(&N);
    come(0, "a");
    come(1, "b");
    says(0, "listen one");
    says(0, "listen two");
    says(1, "listen bob");
    heard(0, "listening one\nlistening two\n");
    it_signal_client_ops.free(N.c[1]);
    N.c[1] = NULL;
    vanishes(0);
    come(0, "c");
    says(0, "listen bob");
    heard(0, "listening bob\n");
    ck_assert_uint_eq(stats()->names, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stack/rendezvous/server");
    TCase *tc = tcase_create("rendezvous");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_call_for_whom_nobody_listens_is_refused_at_once);
    tcase_add_test(tc, what_the_ends_of_a_call_say_reaches_each_other_and_nobody_else);
    tcase_add_test(tc, a_name_has_one_listener_until_it_leaves);
    tcase_add_test(tc, who_has_been_away_for_long_loses_its_name);
    tcase_add_test(tc, a_call_waits_as_long_as_it_wants_to);
    tcase_add_test(tc, a_server_that_has_started_anew_learns_of_calls_by_their_ends);
    tcase_add_test(tc, who_is_busy_says_so);
    tcase_add_test(tc, names_and_calls_have_limits);
    tcase_add_test(tc, what_is_no_message_changes_nothing);
    tcase_add_test(tc, one_source_does_not_have_all_names_and_calls);
    tcase_add_test(tc, a_source_that_has_enough_gets_back_what_its_clients_left);
    tcase_add_test(tc, a_source_that_has_enough_takes_over_a_name_that_was_left);
    tcase_add_test(tc, nobody_else_opens_the_servers_mailbox);
    suite_add_tcase(suite, tc);
    SRunner *sr = srunner_create(suite);
    srunner_run_all(sr, CK_ENV);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed != 0;
}
