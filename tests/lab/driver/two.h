/* Two hosts on one wire, for tests of the driver: what there is before any app. */
#ifndef IT_TESTS_LAB_DRIVER_TWO_H
#define IT_TESTS_LAB_DRIVER_TWO_H

#include "lab/driver/lab.h"
#include "netsim/core/link.h"

#include <check.h>

static it_alloc A;
static it_lab *L;
static it_host *Ha, *Hb;
static int Link;

static inline it_host *two_host(const char *name, uint32_t ip)
{
    it_host *h = it_host_new(it_lab_world(L), name);
    ck_assert_int_eq(it_host_iface(h, "eth"), 0);
    ck_assert_int_eq(it_host_addr(h, 0, it_ip4(ip), 120), 0);
    return h;
}

/* 10.0.0.1 and 10.0.0.2, joined by |wire|. */
static inline void two_open(it_link_cfg wire)
{
    it_alloc_init(&A);
    L = it_lab_new(&(it_lab_cfg){&A, 1});
    Ha = two_host("a", 0x0a000001);
    Hb = two_host("b", 0x0a000002);
    Link = it_link_new(it_lab_world(L), &wire, it_host_node(Ha), 0, it_host_node(Hb), 0);
    ck_assert_int_ge(Link, 0);
}

static inline void two_close(void)
{
    it_lab_free(L);
    ck_assert_int_eq(A.live, 0);
}

#endif
