/* RFC 5780 in the world: every NAT profile is measured as it declares itself. */
#include "lab/judge/discover.h"
#include "lab/profile/profile.h"

#include <check.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static it_stun_behavior measure(it_alloc *a, const it_nat_profile *p, uint64_t seed)
{
    it_stun_behavior b;
    it_lab_discover_cfg cfg = {.alloc = a, .seed = seed, .nat = p, .lifetimes = true};
    ck_assert_int_eq(it_lab_discover(&cfg, &b), 0);
    return b;
}

/* A hairpin can be seen from outside the filter only where the other end's port is known to it. */
static enum it_stun_hairpin hairpin_of(const it_nat_profile *p)
{
    static const enum it_stun_hairpin H[] = {IT_STUN_HAIRPIN_NO, IT_STUN_HAIRPIN_EXT, IT_STUN_HAIRPIN_INT};
    return H[p->hairpin];
}

static void ck_sample(const it_nat_profile *p, const it_stun_behavior *b)
{
    uint32_t kept = 0;
    ck_assert_uint_eq(b->n_samples, IT_STUN_DISCOVER_SAMPLES);
    for (uint32_t i = 0; i < b->n_samples; i++) {
        uint16_t port = b->samples[i].mapped.port;
        kept += port == b->samples[i].local;
        if (!p->udp.alloc.n_classes && p->udp.alloc.mode == IT_NAT_RANDOM && !p->block.size)
            ck_assert_msg(port >= p->udp.alloc.range.lo && port <= p->udp.alloc.range.hi, "port %u", port);
    }
    bool keeps = p->udp.alloc.mode == IT_NAT_PRESERVE || p->one2one;
    ck_assert_msg(keeps ? kept == b->n_samples : kept < 3, "%u ports kept", kept);
}

static void ck_profile(const it_profile *p, const it_stun_behavior *b)
{
    const it_nat_profile *n = &p->u.nat;
    ck_assert_msg(b->udp == IT_STUN_YES && b->nat == IT_STUN_YES, "%s", p->name);
    ck_assert_msg(b->alg == (n->alg ? IT_STUN_YES : IT_STUN_NO), "%s: alg %d", p->name, b->alg);
    ck_assert_msg(b->mapping == (enum it_stun_dep)(IT_STUN_DEP_EI + n->udp.mapping), "%s: mapping %d", p->name,
                  b->mapping);
    ck_assert_msg(b->filtering == (enum it_stun_dep)(IT_STUN_DEP_EI + n->udp.filtering), "%s: filtering %d", p->name,
                  b->filtering);
    ck_assert_msg(b->hairpin == hairpin_of(n), "%s: hairpin %d", p->name, b->hairpin);
    enum it_stun_answer pass = n->fragments == IT_NAT_FRAGMENTS_NONE ? IT_STUN_NO : IT_STUN_YES;
    ck_assert_msg(b->fragments == pass, "%s: fragments %d", p->name, b->fragments);
    ck_assert_msg(b->hairpin_fragments == (n->hairpin ? pass : IT_STUN_UNKNOWN), "%s: hairpin of fragments", p->name);
    const it_time declared[] = {n->udp.timeout.initial, n->udp.timeout.replied, n->udp.timeout.stream};
    for (int i = 0; i < IT_STUN_LIVES; i++)
        ck_assert_msg(b->life[i] == declared[i], "%s: life %d: %lld, not %lld", p->name, i, (long long)b->life[i],
                      (long long)declared[i]);
    ck_assert_msg(b->refresh_out == (n->udp.refresh.out ? IT_STUN_YES : IT_STUN_NO), "%s: out", p->name);
    ck_assert_msg(b->refresh_in == (n->udp.refresh.inb ? IT_STUN_YES : IT_STUN_NO), "%s: in", p->name);
    ck_sample(n, b);
}

START_TEST(every_profile_is_measured_as_declared)
{
    char err[IT_PROFILE_ERR];
    it_alloc a;
    size_t n = 0;
    it_alloc_init(&a);
    it_profiles *ps = it_profiles_builtin(&a, err);
    ck_assert_msg(ps != NULL, "%s", err);
    for (size_t i = 0; i < it_profiles_count(ps, IT_PROFILE_NAT); i++) {
        const it_profile *p = it_profiles_nth(ps, IT_PROFILE_NAT, i);
        if (p->unsupported || p->u.nat.family != 0)
            continue;
        it_stun_behavior b = measure(&a, &p->u.nat, 1);
        ck_profile(p, &b);
        n++;
    }
    ck_assert_uint_gt(n, 50);
    it_profiles_free(ps);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

/* --- what a measurement finds is what is there, field by field --- */

START_TEST(a_timer_of_any_length_is_found)
{
    it_alloc a;
    it_nat_profile p;
    it_alloc_init(&a);
    it_nat_profile_init(&p);
    p.udp.timeout.initial = (7 + 13 * _i) * IT_SEC;
    p.udp.timeout.replied = (9 + 113 * _i) * IT_SEC;
    p.udp.timeout.stream = (17 + 1999 * _i) * IT_SEC;
    it_stun_behavior b = measure(&a, &p, (uint64_t)_i);
    ck_assert_int_eq(b.life[0], p.udp.timeout.initial);
    ck_assert_int_eq(b.life[1], p.udp.timeout.replied);
    ck_assert_int_eq(b.life[2], p.udp.timeout.stream > 7200 * IT_SEC ? IT_NEVER : p.udp.timeout.stream);
}
END_TEST

START_TEST(what_does_not_refresh_is_found)
{
    it_alloc a;
    it_nat_profile p;
    it_alloc_init(&a);
    it_nat_profile_init(&p);
    p.udp.timeout.stream = p.udp.timeout.replied;
    p.udp.refresh.out = _i & 1;
    p.udp.refresh.inb = _i >> 1;
    it_stun_behavior b = measure(&a, &p, 3);
    ck_assert_int_eq(b.refresh_out, _i & 1 ? IT_STUN_YES : IT_STUN_NO);
    ck_assert_int_eq(b.refresh_in, _i >> 1 ? IT_STUN_YES : IT_STUN_NO);
}
END_TEST

START_TEST(hairpinning_is_found_behind_every_filter)
{
    it_alloc a;
    it_nat_profile p;
    it_alloc_init(&a);
    it_nat_profile_init(&p);
    p.udp.filtering = (uint8_t)(_i % 3);
    p.hairpin = (uint8_t)(_i / 3);
    it_stun_behavior b = measure(&a, &p, 3);
    /* With the internal source a filter by port never sees who it was opened for. */
    bool hidden = p.hairpin == IT_NAT_HAIRPIN_INT && p.udp.filtering == IT_NAT_APD;
    ck_assert_msg(b.hairpin == hairpin_of(&p) || hidden, "%d", b.hairpin);
}
END_TEST

START_TEST(a_box_that_drops_fragments_is_found)
{
    static const enum it_stun_answer PASS[] = {[IT_NAT_FRAGMENTS_ANY] = IT_STUN_YES,
                                               [IT_NAT_FRAGMENTS_ORDERED] = IT_STUN_YES, /* hosts send them in order */
                                               [IT_NAT_FRAGMENTS_NONE] = IT_STUN_NO};
    it_alloc a;
    it_nat_profile p;
    it_alloc_init(&a);
    it_nat_profile_init(&p);
    p.fragments = (uint8_t)(_i % 3);
    p.hairpin = _i / 3 ? IT_NAT_HAIRPIN_EXT : IT_NAT_HAIRPIN_NONE;
    it_stun_behavior b = measure(&a, &p, 3);
    ck_assert_int_eq(b.fragments, PASS[p.fragments]);
    ck_assert_int_eq(b.hairpin_fragments, p.hairpin ? PASS[p.fragments] : IT_STUN_UNKNOWN);
    ck_assert_int_eq(b.life[0], p.udp.timeout.initial); /* what comes after is found as before */
}
END_TEST

START_TEST(without_a_nat_there_is_none)
{
    it_alloc a;
    it_alloc_init(&a);
    it_stun_behavior b = measure(&a, NULL, 1);
    ck_assert_int_eq(b.udp, IT_STUN_YES);
    ck_assert_int_eq(b.nat, IT_STUN_NO);
    ck_assert_int_eq(b.mapping, IT_STUN_DEP_EI);
    ck_assert_int_eq(b.filtering, IT_STUN_DEP_EI);
    ck_assert_int_eq(b.fragments, IT_STUN_YES);
    ck_assert_int_eq(b.life[0], IT_NEVER);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

/* Two worlds by the wall clock, the device of each the other's: a client of ours and a server of ours, each real to the
 * other. */
START_TEST(either_end_can_be_behind_a_device)
{
    int fd[2], over[2];
    it_alloc a;
    it_nat_profile p;
    it_stun_behavior b;
    it_alloc_init(&a);
    it_nat_profile_init(&p);
    p.udp.filtering = IT_NAT_EI; /* nothing to wait for in vain */
    p.hairpin = IT_NAT_HAIRPIN_EXT;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), 0);
    ck_assert_int_eq(pipe(over), 0);
    it_lab_discover_cfg server = {
        .alloc = &a, .nat = &p, .real = IT_LAB_REAL_CLIENT, .device = fd[1], .until = over[0]};
    it_lab_discover_cfg client = {.alloc = &a, .real = IT_LAB_REAL_SERVER, .device = fd[0]};
    pid_t pid = fork();
    if (pid == 0) {
        close(over[1]);
        _exit(it_lab_discover(&server, NULL) || a.live ? 1 : 0);
    }
    close(over[0]);
    ck_assert_int_eq(it_lab_discover(&client, &b), 0);
    close(over[1]);
    int status = 1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(b.nat, IT_STUN_YES);
    ck_assert_int_eq(b.mapping, IT_STUN_DEP_EI);
    ck_assert_int_eq(b.filtering, IT_STUN_DEP_EI);
    ck_assert_int_eq(b.hairpin, IT_STUN_HAIRPIN_EXT);
    ck_assert_int_eq(a.live, 0);
}
END_TEST

START_TEST(out_of_memory_is_an_error_and_leaves_nothing)
{
    it_nat_profile p;
    it_nat_profile_init(&p);
    int err = IT_ERR_NOMEM;
    for (uint64_t n = 0; err == IT_ERR_NOMEM; n++) {
        it_alloc a;
        it_stun_behavior b;
        it_alloc_init_countdown(&a, n);
        err = it_lab_discover(&(it_lab_discover_cfg){.alloc = &a, .nat = &p}, &b);
        ck_assert(err == 0 || err == IT_ERR_NOMEM);
        ck_assert_int_eq(a.live, 0);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lab/discover");
    TCase *t = tcase_create("RFC 5780 4");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_profile_is_measured_as_declared);
    tcase_add_loop_test(t, a_timer_of_any_length_is_found, 0, 5);
    tcase_add_loop_test(t, what_does_not_refresh_is_found, 0, 4);
    tcase_add_loop_test(t, hairpinning_is_found_behind_every_filter, 0, 9);
    tcase_add_loop_test(t, a_box_that_drops_fragments_is_found, 0, 6);
    tcase_add_test(t, without_a_nat_there_is_none);
    tcase_add_test(t, either_end_can_be_behind_a_device);
    tcase_add_test(t, out_of_memory_is_an_error_and_leaves_nothing);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
