/* stack/model/model.c: the names that scenarios and results use, the named sets of timers. */
#include "stack/model/model.h"

#include "base/err.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *state(int i)
{
    return it_state_name((enum it_state)i);
}
static const char *path(int i)
{
    return it_path_name((enum it_path)i);
}
static const char *reason(int i)
{
    return it_reason_name((enum it_reason)i);
}
static const char *event(int i)
{
    return it_model_event_name((enum it_model_event_kind)i);
}

/* Each value, that a constant moved without its name would not go unseen. */
static const struct {
    const char *(*name)(int i);
    int value;
    const char *want;
} NAMES[] = {
    {state, IT_STATE_NEW, "new"},
    {state, IT_STATE_CONNECTING, "connecting"},
    {state, IT_STATE_OPEN, "open"},
    {state, IT_STATE_STALLED, "stalled"},
    {state, IT_STATE_DEAD, "dead"},
    {state, IT_STATE_CLOSED, "closed"},
    {path, IT_PATH_NONE, "none"},
    {path, IT_PATH_DIRECT_UDP, "direct_udp"},
    {path, IT_PATH_RELAY_UDP, "relay_udp"},
    {path, IT_PATH_DIRECT_TCP, "direct_tcp"},
    {path, IT_PATH_RELAY_TCP, "relay_tcp"},
    {reason, IT_REASON_NONE, "none"},
    {reason, IT_REASON_CONNECT_FAILED, "connect_failed"},
    {reason, IT_REASON_CONSENT_EXPIRED, "consent_expired"},
    {reason, IT_REASON_KEEPALIVE_TIMEOUT, "keepalive_timeout"},
    {reason, IT_REASON_LINK_DOWN_NO_ALTERNATIVE, "link_down_no_alternative"},
    {reason, IT_REASON_TRANSPORT_RESET, "transport_reset"},
    {reason, IT_REASON_PEER_CLOSED, "peer_closed"},
    {reason, IT_REASON_SERVER_LOST, "server_lost"},
    {reason, IT_REASON_SECURITY, "security"},
    {event, IT_EV_SIGNAL, "signal"},
    {event, IT_EV_OPEN, "open"},
    {event, IT_EV_MESSAGE, "message"},
    {event, IT_EV_FAILOVER, "failover"},
    {event, IT_EV_STALLED, "stalled"},
    {event, IT_EV_RESUMED, "resumed"},
    {event, IT_EV_RATE_UP, "rate_up"},
    {event, IT_EV_RATE_DOWN, "rate_down"},
    {event, IT_EV_NETWORK, "network"},
    {event, IT_EV_DEATH, "death"},
    {event, IT_EV_CLOSED, "closed"},
    {event, IT_EV_SECRET, "secret"},
    {event, IT_EV_PEER, "peer"},
    {event, IT_EV_TEST, "test"},
    {event, IT_EV_SUCCESS, "success"},
    {event, IT_EV_REFLEXIVE, "reflexive"},
};

START_TEST(every_value_has_its_name)
{
    ck_assert_str_eq(NAMES[_i].name(NAMES[_i].value), NAMES[_i].want);
}
END_TEST

START_TEST(who_closed_is_told_and_of_a_refusal_its_number)
{
    static const struct {
        enum it_closed_by by;
        const char *want;
    } V[] = {{IT_CLOSED_LOCAL, "local"},
             {IT_CLOSED_REMOTE, "remote"},
             {IT_CLOSED_RESET, "reset"},
             {IT_CLOSED_HTTP, "http 407"},
             {IT_CLOSED_SOCKS, "socks 407"}};
    char out[IT_CLOSED_TEXT];
    for (size_t i = 0; i < sizeof V / sizeof *V; i++)
        ck_assert_str_eq(it_closed_text(V[i].by, 407, out), V[i].want);
}
END_TEST

START_TEST(no_event_is_without_a_name)
{
    for (int i = 0; i < IT_EV_COUNT; i++)
        ck_assert_ptr_nonnull(event(i));
}
END_TEST

/* What the header says of the defaults; RFC 7675 section 5.1, RFC 8445 sections 11, 14.2 and 14.3. */
START_TEST(the_set_rfc_has_the_values_of_the_rfcs)
{
    it_timers t;
    ck_assert_int_eq(it_timers_named(&t, "rfc"), 0);
    ck_assert_int_eq(t.stall, 2 * IT_SEC);
    ck_assert_int_eq(t.death, 30 * IT_SEC);
    ck_assert_int_eq(t.connect, 60 * IT_SEC);
    ck_assert_int_eq(t.linkdown, 5 * IT_SEC);
    ck_assert_int_eq(t.consent, 5 * IT_SEC);
    ck_assert_int_eq(t.keepalive, 15 * IT_SEC);
    ck_assert_int_eq(t.rto, 500 * IT_MS);
    ck_assert_int_eq(t.ta, 50 * IT_MS);
}
END_TEST

START_TEST(every_set_can_be_had_by_its_name_and_no_timer_of_it_is_zero_or_out_of_order)
{
    int n = 0;
    for (const char *name; (name = it_timers_name(n)) != NULL; n++) {
        it_timers t;
        memset(&t, 0, sizeof t);
        ck_assert_int_eq(it_timers_named(&t, name), 0);
        const it_time all[] = {t.stall, t.death, t.connect, t.linkdown, t.consent, t.keepalive, t.rto, t.ta};
        for (size_t i = 0; i < 8; i++)
            ck_assert_msg(all[i] > 0 && all[i] <= 95 * IT_SEC, "%s %zu", name, i);
        /* a stall is seen before death, several consents are asked before it, checks leave faster than they are
         * repeated */
        ck_assert_msg(t.stall < t.death && 2 * t.consent <= t.death && t.ta <= t.rto && t.death <= t.connect, "%s",
                      name);
        for (int k = 0; k < n; k++)
            ck_assert_str_ne(name, it_timers_name(k));
    }
    ck_assert_int_eq(n, 7);
    ck_assert_ptr_null(it_timers_name(-1));
    ck_assert_ptr_null(it_timers_name(n + 1));
}
END_TEST

/* What each set that imitates a stack breaks; nothing of "rfc". */
START_TEST(a_set_says_which_limits_of_rfcs_it_breaks)
{
    static const struct {
        const char *set, *notes[3];
    } SAYS[] = {
        {"rfc", {NULL}},
        {"libwebrtc",
         {"consent 2.656s: RFC 7675 section 5.1 (checks at least 4 s apart, of a fifth less) allows no less than 5s",
          "keepalive 10s: RFC 8445 section 11 allows no less than 15s"}},
        {"firefox", {NULL}},
        {"pion",
         {"rto 200ms: RFC 8445 section 14.3 allows no less than 500ms",
          "consent 2s: RFC 7675 section 5.1 (checks at least 4 s apart, of a fifth less) allows no less than 5s",
          "keepalive 2s: RFC 8445 section 11 allows no less than 15s"}},
        {"libnice", {NULL}},
        {"libjuice", {NULL}},
        {"rtmfp", {"keepalive 10s: RFC 8445 section 11 allows no less than 15s"}},
    };
    char text[IT_TIMERS_TEXT];
    for (size_t i = 0; i < sizeof SAYS / sizeof *SAYS; i++) {
        it_timers t;
        int n = 0;
        ck_assert_int_eq(it_timers_named(&t, SAYS[i].set), 0);
        ck_assert_msg(!it_timers_fault(&t, text), "%s", text);
        for (; n < 3 && SAYS[i].notes[n]; n++) {
            ck_assert(it_timers_note(&t, n, text));
            ck_assert_str_eq(text, SAYS[i].notes[n]);
        }
        ck_assert(!it_timers_note(&t, n, text));
    }
}
END_TEST

START_TEST(timers_that_contradict_each_other_are_named_with_their_values)
{
    static const struct {
        const char *timer;
        it_time v, ok; /* one step back is no fault */
        const char *text;
    } FAULTS[] = {
        {"consent", 25 * IT_SEC, 25 * IT_SEC - 1,
         "consent 25s contradicts death 30s: with the fifth more that a check may wait (RFC 7675 section 5.1) every "
         "healthy call would die"},
        {"stall", 30 * IT_SEC, 30 * IT_SEC - 1,
         "stall 30s contradicts death 30s: death would come without an alarm before it"},
        {"connect", 50 * IT_MS, 51 * IT_MS,
         "ta 50ms contradicts connect 50ms: no second check would leave in that time"},
        {"ta", 4 * IT_MS, 5 * IT_MS, "ta: at least 5ms, not 4ms"},
        {"ta", 5 * IT_MS + 1, 6 * IT_MS,
         "ta: 5.000001ms is not whole in ms, in which it is told (RFC 8839 section 5.5)"},
        {"rto", 0, IT_MS, "rto: at least 1ms, not 0"},
        {"keepalive", -1, IT_MS, "keepalive: at least 1ms, not -1ns"},
        {"rto", 3600 * IT_SEC + IT_MS, 3600 * IT_SEC, "rto: at most 1h, not 3600.001s"},
        {"linkdown", INT64_MAX, 3600000 * IT_SEC, "linkdown: at most 1000h, not 9223372036.854775807s"},
    };
    char text[IT_TIMERS_TEXT];
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        it_timers t;
        int k = 0;
        ck_assert_int_eq(it_timers_named(&t, "rfc"), 0);
        while (strcmp(it_timer_name(k), FAULTS[i].timer) != 0)
            k++;
        *it_timer_at(&t, k) = FAULTS[i].v;
        ck_assert(it_timers_fault(&t, text));
        ck_assert_str_eq(text, FAULTS[i].text);
        *it_timer_at(&t, k) = FAULTS[i].ok;
        ck_assert_msg(!it_timers_fault(&t, text), "%s", text);
    }
    ck_assert_ptr_null(it_timer_name(IT_TIMERS_N));
}
END_TEST

START_TEST(an_unknown_set_is_not_found_and_changes_nothing)
{
    static const char *const unknown[] = {"", "RFC", "rfc ", "rf", "rfcs"};
    it_timers t = {.stall = 7};
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(it_timers_named(&t, unknown[i]), IT_ERR_NOTFOUND);
    ck_assert_int_eq(t.stall, 7);
}
END_TEST

START_TEST(the_whole_is_what_its_parts_come_to)
{
    /* new, connecting, open, stalled, dead, closed, by their first letters; x: closed */
    static const char LETTERS[] = "ncosdx";
    static const struct {
        const char *parts, *whole;
    } rows[] = {{"ooo", "o"}, {"oco", "c"}, {"oso", "s"}, {"sco", "c"}, {"doo", "o"}, {"xso", "s"}, {"dcx", "c"},
                {"ddx", "d"}, {"xxd", "d"}, {"xxx", "x"}, {"noo", "n"}, {"nnn", "n"}, {"", "n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum it_state part[3];
        size_t n = strlen(rows[i].parts);
        for (size_t k = 0; k < n; k++)
            part[k] = (enum it_state)(strchr(LETTERS, rows[i].parts[k]) - LETTERS);
        ck_assert_int_eq(LETTERS[it_state_of_all(part, n)], rows[i].whole[0]);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("model/model");
    TCase *t = tcase_create("names");
    tcase_add_loop_test(t, every_value_has_its_name, 0, (int)(sizeof NAMES / sizeof NAMES[0]));
    tcase_add_test(t, who_closed_is_told_and_of_a_refusal_its_number);
    tcase_add_test(t, no_event_is_without_a_name);
    tcase_add_test(t, the_whole_is_what_its_parts_come_to);
    suite_add_tcase(s, t);
    t = tcase_create("timers");
    tcase_add_test(t, the_set_rfc_has_the_values_of_the_rfcs);
    tcase_add_test(t, every_set_can_be_had_by_its_name_and_no_timer_of_it_is_zero_or_out_of_order);
    tcase_add_test(t, a_set_says_which_limits_of_rfcs_it_breaks);
    tcase_add_test(t, timers_that_contradict_each_other_are_named_with_their_values);
    tcase_add_test(t, an_unknown_set_is_not_found_and_changes_nothing);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
