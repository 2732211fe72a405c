/* Losses that remember: Gilbert and Elliott's model against its own chain. What is expected is worked out exactly, by
 * the distribution of losses in a second of the declared chain (50 places, one packet each), not by another run. */
#include "netsim/core/impl.h"
#include "netsim/core/link.h"

#include <check.h>
#include <stdlib.h>

#define PLACES 50 /* in a second, a packet each */

/* |p|, |r|, |good|, |bad| in ppm; what others have computed for it: variance over mean of the losses of a second, 0:
 * none. */
static const struct model {
    it_link_ge ge;
    double dispersion;
} MODELS[] = {
    {{800, 100000, 0, 800000}, 12.36}, /* lte of the profile file; by the covariance of a chain, p r (bad - good)^2 (1 -
                                          p - r)^k */
    {{20000, 200000, 5000, 700000}, 4.71}, /* wifi-bad */
    {{2000, 500000, 0, 500000}, 0},        /* wifi-good */
    {{1000, 20000, 0, 1000000}, 0},        /* whole seconds are lost */
    {{300000, 300000, 100000, 900000}, 0},
    {{900000, 800000, 0, 1000000}, 0}, /* p + r above 1: the states take turns */
    {{1000000, 500000, 200000, 600000}, 0},
};
#define N_MODELS ((int)(sizeof MODELS / sizeof *MODELS))

/* Fills |v| with the chances that 0 to PLACES packets of a second are lost; the chain is in equilibrium. */
static void exact(const it_link_ge *g, double v[PLACES + 1])
{
    double p = g->p / 1e6, r = g->r / 1e6, loss[2] = {g->good / 1e6, g->bad / 1e6};
    static double now[2][PLACES + 1], next[2][PLACES + 1];
    for (int s = 0; s < 2; s++)
        for (int k = 0; k <= PLACES; k++)
            now[s][k] = 0;
    now[1][0] = p / (p + r);
    now[0][0] = 1 - now[1][0];
    for (int n = 0; n < PLACES; n++) {
        for (int s = 0; s < 2; s++)
            for (int k = 0; k <= PLACES; k++)
                next[s][k] = 0;
        for (int s = 0; s < 2; s++) {
            double to_bad = s ? 1 - r : p;
            for (int k = 0; k <= n; k++) {
                double passes = now[s][k] * (1 - loss[s]), lost = now[s][k] * loss[s];
                next[0][k] += passes * (1 - to_bad);
                next[1][k] += passes * to_bad;
                next[0][k + 1] += lost * (1 - to_bad);
                next[1][k + 1] += lost * to_bad;
            }
        }
        for (int s = 0; s < 2; s++)
            for (int k = 0; k <= PLACES; k++)
                now[s][k] = next[s][k];
    }
    for (int k = 0; k <= PLACES; k++)
        v[k] = now[0][k] + now[1][k];
}

static double square(double x)
{
    return x * x;
}

/* Mean and variance of distribution |v|, and the chance of |from| or more. */
static void moments(const double v[PLACES + 1], int from, double *mean, double *var, double *tail)
{
    *mean = *var = *tail = 0;
    for (int k = 0; k <= PLACES; k++) {
        *mean += k * v[k];
        *tail += k >= from ? v[k] : 0;
    }
    for (int k = 0; k <= PLACES; k++)
        *var += square(k - *mean) * v[k];
}

static it_core_dir direction(uint64_t hash, it_link_ge ge)
{
    it_core_dir d = {.hash = hash, .slot = -1, .cfg = {.ge = ge}};
    it_core_impairment_init(&d);
    return d;
}

START_TEST(seconds_are_lost_as_the_declared_chain_has_it)
{
    enum { BATCHES = 50, SECONDS = 800 };
    const struct model *m = &MODELS[_i];
    double v[PLACES + 1], mean, var, tail, sum = 0, sum2 = 0, half = 0, first = 0;
    exact(&m->ge, v);
    moments(v, PLACES / 2, &mean, &var, &tail);
    ck_assert(m->dispersion == 0 || (var / mean > m->dispersion - 0.01 && var / mean < m->dispersion + 0.01));
    it_core_dir d = direction(42, m->ge);
    it_time now = 0;
    for (int b = 0; b < BATCHES; b++) {
        double batch = 0;
        for (int s = 0; s < SECONDS; s++) {
            int lost = 0;
            for (int k = 0; k < PLACES; k++, now += IT_LINK_BURST_PLACE)
                lost += it_core_draw(&d, now).lost != NULL;
            first += lost;
            half += lost >= PLACES / 2;
            batch += square(lost - mean);
        }
        sum += batch / SECONDS;
        sum2 += square(batch / SECONDS);
    }
    double n = BATCHES * SECONDS, share = half / n;
    /* Seconds are nearly independent: the chain has forgotten in 50 places, but for the slow one, of factor 0.98 a
     * place, whose intervals are 1.6 times as wide. Four and a half standard errors of each. */
    double wide = _i == 3 ? 1.6 : 1;
    double se = wide * 4.5;
    ck_assert_msg(square(share - tail) <= square(se) * tail * (1 - tail) / n + 1e-9,
                  "half or more lost in %f of seconds, %f declared", share, tail);
    ck_assert_msg(square(first / n - mean) <= square(se) * var / n, "%f lost a second, %f declared", first / n, mean);
    double mv = sum / BATCHES, var_of_mean = (sum2 / BATCHES - square(mv)) / (BATCHES - 1);
    ck_assert_msg(square(mv - var) <= square(4.5) * var_of_mean, "variance over mean %f, %f declared", mv / mean,
                  var / mean);
}
END_TEST

START_TEST(a_faster_stream_sees_the_same_spells)
{
    /* Ten packets a place: the same share of packets is lost, in as many bad places. */
    enum { N = 40000 };
    it_link_ge ge = {20000, 200000, 0, 1000000};
    it_core_dir slow = direction(7, ge), fast = direction(7, ge);
    for (int i = 0; i < N; i++) {
        it_time at = i * IT_LINK_BURST_PLACE;
        bool lost = it_core_draw(&slow, at).lost != NULL;
        for (int k = 0; k < 10; k++)
            ck_assert((it_core_draw(&fast, at + k * 2 * IT_MS).lost != NULL) == lost);
    }
}
END_TEST

START_TEST(in_a_bad_place_packets_are_drawn_one_by_one)
{
    enum { N = 4000 };
    it_link_ge ge = {500000, 500000, 100000, 600000};
    it_core_dir d = direction(9, ge);
    int n[2] = {0, 0}, lost[2] = {0, 0};
    for (int i = 0; i < N; i++) {
        it_time at = i * IT_LINK_BURST_PLACE;
        bool bad = it_core_bad_place(&d, at);
        for (int k = 0; k < 10; k++) {
            n[bad]++;
            lost[bad] += it_core_draw(&d, at + k * 2 * IT_MS).lost != NULL;
        }
    }
    /* 20,000 draws each: four and a half standard errors are 0.95 % and 1.6 %. */
    for (int s = 0; s < 2; s++) {
        double share = (double)lost[s] / n[s], want = s ? 0.6 : 0.1, se = s ? 0.016 : 0.0096;
        ck_assert_msg(share > want - se && share < want + se, "%f in state %d", share, s);
    }
}
END_TEST

START_TEST(the_state_of_a_place_does_not_depend_on_who_asked_before)
{
    enum { N = 3000 };
    static bool all[N];
    it_core_dir d = direction(42, MODELS[_i].ge);
    it_rng rng;
    for (int i = 0; i < N; i++)
        all[i] = it_core_bad_place(&d, i * IT_LINK_BURST_PLACE + 7);
    it_rng_init(&rng, 1, "ask");
    for (int k = 0; k < 2000; k++) {
        int i = (int)it_rng_below(&rng, N);
        if (k & 1)
            it_core_impairment_init(&d); /* and with nothing remembered */
        ck_assert_int_eq(it_core_bad_place(&d, i * IT_LINK_BURST_PLACE), all[i]);
    }
}
END_TEST

START_TEST(parameters_that_mean_nothing_are_refused)
{
    static const struct {
        it_link_ge ge;
        const char *why;
    } ROWS[] = {
        {{1000001, 1, 0, 0}, "a share goes up to 100 %"},
        {{0, 200000, 0, 500000}, "a Gilbert-Elliott model needs p and r above 0"},
        {{20000, 0, 0, 500000}, "a Gilbert-Elliott model needs p and r above 0"},
        {{0, 0, 0, 500000}, "a Gilbert-Elliott model needs p and r above 0"},
        {{20000, 200000, 500001, 500000},
         "a Gilbert-Elliott model loses no more in its good state than in its bad one"},
        {{499, 500, 0, 1000000}, "the states of a Gilbert-Elliott model last 1000 places together at most (p + r)"},
        {{1000000, 999001, 0, 1000000},
         "the states of a Gilbert-Elliott model last 1000 places together at most (p + r)"},
        {{500, 500, 0, 1000000}, NULL},
        {{1000000, 999000, 0, 1000000}, NULL},
        {{0, 0, 0, 0}, NULL},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const char *why = it_link_dir_fault(&(it_link_dir_cfg){.ge = ROWS[i].ge});
        if (!ROWS[i].why)
            ck_assert_ptr_null(why);
        else
            ck_assert_str_eq(why, ROWS[i].why);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("netsim/link_loss");
    TCase *t = tcase_create("Gilbert and Elliott");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, seconds_are_lost_as_the_declared_chain_has_it, 0, N_MODELS);
    tcase_add_test(t, a_faster_stream_sees_the_same_spells);
    tcase_add_test(t, in_a_bad_place_packets_are_drawn_one_by_one);
    tcase_add_loop_test(t, the_state_of_a_place_does_not_depend_on_who_asked_before, 0, N_MODELS);
    tcase_add_test(t, parameters_that_mean_nothing_are_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
