/* Sockets that the driver opens: they follow the addresses, are found by them, and hear groups. */
#include "lab/driver/lab.h"

#include "tests/lab/driver/two.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define GROUP 5350
#define APPS 5

typedef struct ear {
    int id, heard;
    it_io said;
    bool say;
    uint32_t flow;  /* of the last datagram */
    uint32_t bases; /* a bit each: those it was told of and has */
} ear;

static ear E[APPS];
static int Order[APPS * 2], n_order;

static int ear_input(void *o, it_time now, const it_io *in)
{
    ear *e = o;
    (void)now;
    if (in->kind == IT_IO_BOUND)
        e->bases |= 1u << in->flow;
    if (in->kind == IT_IO_UNBIND)
        e->bases &= ~(1u << in->flow);
    if (in->kind == IT_IO_DGRAM) {
        e->flow = in->flow;
        e->heard++;
        Order[n_order++] = e->id;
    }
    return (int)in->data.n;
}

static int ear_output(void *o, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    ear *e = o;
    (void)now, (void)buf, (void)cap;
    *out = e->said;
    bool say = e->say;
    e->say = false;
    return say;
}

static void ear_free(void *o)
{
    (void)o;
}

static const it_object_ops EAR = {.kind = "ear", .input = ear_input, .output = ear_output, .free = ear_free};

static void setup(void)
{
    n_order = 0;
    two_open((it_link_cfg){"l", {{.delay = IT_MS}, {.delay = IT_MS}}});
    for (int i = 0; i < APPS; i++) {
        E[i] = (ear){.id = i};
        ck_assert_int_eq(it_lab_add(L, i == 4 ? Hb : Ha, &EAR, &E[i], "e", -1), i);
    }
}

static void teardown(void)
{
    two_close();
}

/* App 4, on the other host, sends to |to|. */
static void send_to(it_addr to)
{
    ear *e = it_lab_app(L, 4);
    e->said = (it_io){.kind = IT_IO_DGRAM, .remote = to, .data = it_bytes_of("x", 1)};
    e->say = true;
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + 10 * IT_MS), 0);
}

static it_addr addr_of(int app)
{
    it_addr a = {{0, 0}, 0};
    (void)it_lab_app_addr(L, app, 0, &a);
    return a;
}

START_TEST(a_datagram_goes_to_the_app_of_its_socket_alone)
{
    for (int i = 0; i < 4; i++)
        send_to(addr_of(i));
    for (int i = 0; i < 4; i++)
        ck_assert(E[i].heard == 1 && Order[i] == i);
}
END_TEST

START_TEST(an_apps_sockets_have_numbers_of_its_own)
{
    it_ip more = it_ip4(0x0a000009);
    for (int i = 0; i < APPS; i++)
        ck_assert_uint_eq(E[i].bases, 1); /* each has number 0, whatever the host calls it */
    ck_assert_int_eq(it_host_addr(Ha, 0, more, 120), 0);
    it_host_iface_set(Ha, it_lab_now(L), 0, false);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert_uint_eq(E[3].bases, 0);
    it_host_iface_set(Ha, it_lab_now(L), 0, true);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert_uint_eq(E[3].bases, 3);
    it_addr second;
    ck_assert(it_lab_app_addr(L, 3, 1, &second) && it_ip_eq(second.ip, more));
    send_to(second);
    ck_assert(E[3].heard == 1 && E[3].flow == 1);
    send_to(addr_of(3));
    ck_assert(E[3].heard == 2 && E[3].flow == 0);
    ck_assert_int_eq(it_host_unaddr(Ha, it_lab_now(L), 0, it_ip4(0x0a000001)), 0);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert_uint_eq(E[3].bases, 2);
    ck_assert_int_eq(it_host_addr(Ha, 0, it_ip4(0x0a000008), 120), 0);
    it_host_iface_set(Ha, it_lab_now(L), 0, true);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert_uint_eq(E[3].bases, 3); /* the least that was free */
}
END_TEST

START_TEST(an_app_is_found_by_its_address_as_long_as_it_has_it)
{
    it_node *a = it_host_node(Ha), *b = it_host_node(Hb);
    it_addr at = addr_of(2);
    ck_assert_int_eq(it_lab_app_at(L, a, at), 2);
    ck_assert_int_eq(it_lab_app_at(L, b, at), -1);
    ck_assert_int_eq(it_lab_app_at(L, a, it_addr_of(at.ip, (uint16_t)(at.port + 1))), -1);
    it_lab_remove(L, 2);
    ck_assert_int_eq(it_lab_app_at(L, a, at), -1);
    at = addr_of(3);
    it_host_iface_set(Ha, it_lab_now(L), 0, false);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert_int_eq(it_lab_app_at(L, a, at), -1);
    ck_assert_int_eq(addr_of(3).port, 0);
    it_host_iface_set(Ha, it_lab_now(L), 0, true);
    ck_assert_int_eq(it_lab_run(L, it_lab_now(L) + IT_MS), 0);
    ck_assert_int_eq(it_lab_app_at(L, a, addr_of(3)), 3);
    send_to(addr_of(3));
    ck_assert_int_eq(E[3].heard, 1);
}
END_TEST

START_TEST(a_group_is_heard_by_who_wants_it_in_the_order_of_numbers)
{
    it_addr group = it_addr_of(it_ip4(0xe0000001), GROUP);
    static const int before[] = {1, 2, 3}, after[] = {1, 3};
    ck_assert_int_eq(it_lab_hear(L, 3, GROUP), 0);
    ck_assert_int_eq(it_lab_hear(L, 1, GROUP), 0);
    ck_assert_int_eq(it_lab_hear(L, 2, GROUP), 0);
    ck_assert_int_eq(it_lab_hear(L, 0, GROUP + 1), 0);
    send_to(group);
    ck_assert_int_eq(n_order, 3);
    ck_assert_int_eq(memcmp(Order, before, sizeof before), 0);
    it_lab_remove(L, 2);
    n_order = 0;
    send_to(group);
    ck_assert_int_eq(n_order, 2);
    ck_assert_int_eq(memcmp(Order, after, sizeof after), 0);
    it_lab_remove(L, 1);
    it_lab_remove(L, 3);
    n_order = 0;
    send_to(group);
    ck_assert_int_eq(n_order, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("driver/socket");
    TCase *t = tcase_create("sockets");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_datagram_goes_to_the_app_of_its_socket_alone);
    tcase_add_test(t, an_apps_sockets_have_numbers_of_its_own);
    tcase_add_test(t, an_app_is_found_by_its_address_as_long_as_it_has_it);
    tcase_add_test(t, a_group_is_heard_by_who_wants_it_in_the_order_of_numbers);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
