/* An object that puts out what a test queues and keeps what it is given, on a loop by the wall clock. Real time passes
 * here: margins are wide. */
#ifndef TESTS_LAB_LOOP_PROBE_H
#define TESTS_LAB_LOOP_PROBE_H

#include "lab/loop/loop.h"

#include <check.h>
#include <fcntl.h>
#include <linux/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROBE_KEPT 4096
#define PROBE_BYTES 4194304

typedef struct probe {
    it_io in[PROBE_KEPT]; /* what it was given; of DATA the bytes it took */
    size_t n_in;
    uint8_t *bytes; /* of datagrams, quotes and DATA, one after another */
    size_t n_bytes;
    it_io out[64];
    size_t n_out, head;
    size_t take; /* of DATA, at most, at a time */
    bool freed;
} probe;

static it_alloc PROBE_ALLOC;
static it_loop *LOOP;

static inline int probe_input(void *o, it_time now, const it_io *in)
{
    probe *p = o;
    size_t n = in->data.n;
    bool bytes = in->kind == IT_IO_DGRAM || in->kind == IT_IO_ERROR || in->kind == IT_IO_DATA;
    ck_assert_int_ge(now, 0);
    ck_assert_uint_lt(p->n_in, PROBE_KEPT);
    if (in->kind == IT_IO_DATA && n > p->take)
        n = p->take;
    it_io *kept = &p->in[p->n_in++];
    *kept = *in;
    if (bytes) {
        ck_assert_uint_le(p->n_bytes + n, PROBE_BYTES);
        kept->data = it_bytes_of(p->bytes + p->n_bytes, n);
        if (n)
            memcpy(p->bytes + p->n_bytes, in->data.p, n);
        p->n_bytes += n;
    }
    return (int)n;
}

static inline int probe_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    probe *p = o;
    (void)now;
    if (p->head == p->n_out)
        return 0;
    *out = p->out[p->head++];
    if (out->data.p) {
        ck_assert_uint_le(out->data.n, cap);
        memcpy(buf, out->data.p, out->data.n);
        out->data.p = buf;
    }
    if (p->head == p->n_out)
        p->head = p->n_out = 0;
    return 1;
}

static inline void probe_free(void *o)
{
    ((probe *)o)->freed = true;
}

static const it_object_ops PROBE_OPS = {
    .kind = "probe", .input = probe_input, .output = probe_output, .free = probe_free, .errors = true};
static const it_object_ops DEAF_OPS = {
    .kind = "deaf", .input = probe_input, .output = probe_output, .free = probe_free, .errors = false};

static inline void loop_begin(void)
{
    it_alloc_init(&PROBE_ALLOC);
    LOOP = it_loop_new(&(it_loop_cfg){.alloc = &PROBE_ALLOC, .clock = IT_CLOCK_WALL});
    ck_assert_ptr_nonnull(LOOP);
}

static inline void loop_end(void)
{
    it_loop_free(LOOP);
    ck_assert_int_eq(PROBE_ALLOC.live, 0);
}

static inline probe *probe_new(void)
{
    probe *p = calloc(1, sizeof *p);
    ck_assert_ptr_nonnull(p);
    p->bytes = malloc(PROBE_BYTES);
    p->take = SIZE_MAX;
    return p;
}

static inline void probe_done(probe *p)
{
    ck_assert(p->freed);
    free(p->bytes);
    free(p);
}

/* Adds |p| with one base on |local|, or none when that has no address at all; returns its number. */
static inline int probe_add(probe *p, it_addr local)
{
    it_loop_app_cfg cfg = {.bases = &local, .n_bases = 1, .no_bases = it_ip_none(local.ip)};
    int i = it_loop_add(LOOP, &PROBE_OPS, p, &cfg, NULL);
    ck_assert_int_ge(i, 0);
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
    return i;
}

/* Queues |io| at app |i|, which is |p|, and lets it go. */
static inline void probe_put(int i, probe *p, it_io io)
{
    ck_assert_ptr_eq(it_loop_app(LOOP, i), p);
    ck_assert_uint_lt(p->n_out, 64);
    p->out[p->n_out++] = io;
    ck_assert_int_eq(it_loop_flush(LOOP), 0);
}

/* The |k|-th of |kind| that |p| was given; NULL: none. */
static inline const it_io *probe_got(const probe *p, enum it_io_kind kind, int k)
{
    for (size_t i = 0; i < p->n_in; i++)
        if (p->in[i].kind == kind && k-- == 0)
            return &p->in[i];
    return NULL;
}

/* The same, once it has come. */
static inline const it_io *probe_wait(const probe *p, enum it_io_kind kind, int k)
{
    it_time until = it_loop_now(LOOP) + 20 * IT_SEC;
    while (!probe_got(p, kind, k) && it_loop_now(LOOP) < until)
        ck_assert_int_eq(it_loop_wait(LOOP, it_loop_now(LOOP) + IT_MS, NULL, 0), 0);
    const it_io *got = probe_got(p, kind, k);
    ck_assert_msg(got != NULL, "kind %d never came", (int)kind);
    return got;
}

static inline void pass_time(it_time d)
{
    ck_assert_int_eq(it_loop_wait(LOOP, it_loop_now(LOOP) + d, NULL, 0), 0);
}

/* Loopback, of IPv4 or IPv6. */
static inline it_addr local_of(int is6, uint16_t port)
{
    return it_addr_of(is6 ? (it_ip){0, 1} : it_ip4(0x7f000001), port);
}

/* --- a network of the test's own, with lo alone; libcheck runs each test in a process of its own --- */

static inline void lo_set(unsigned long what, const char *name, uint32_t v4, int mtu, short flags)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(v4)};
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, name);
    if (what == SIOCSIFADDR)
        memcpy(&r.ifr_addr, &in, sizeof in);
    else if (what == SIOCSIFMTU)
        r.ifr_mtu = mtu;
    else
        r.ifr_flags = flags;
    ck_assert_int_eq(ioctl(fd, what, &r), 0);
    close(fd);
}

/* False, with a word, where the machine does not let us. */
static inline bool own_network(int mtu)
{
    if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
        fputs("no network namespace here: not tried\n", stderr);
        return false;
    }
    lo_set(SIOCSIFFLAGS, "lo", 0, 0, IFF_UP | IFF_RUNNING);
    lo_set(SIOCSIFMTU, "lo", 0, mtu, 0);
    return true;
}

static inline int probe_main(Suite *s)
{
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}

#endif
