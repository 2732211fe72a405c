/* Frames of every link layer become packets, or say why not. */
#include "tests/conformance/passive/kit.h"
#include "tests/conformance/passive/main.h"

#include "conformance/passive/read/packet.h"

#include <pcap/dlt.h>

#define IP4 "\x45\x00\x00\x20\x00\x07\x00\x00\x40\x11\x00\x00\xc0\x00\x02\x01\xc6\x33\x64\x02"
#define UDP                                                                                                            \
    "\x03\xe8\x07\xd0\x00\x0c\x00\x00"                                                                                 \
    "data"
#define IP6                                                                                                            \
    "\x60\x00\x00\x00\x00\x0c\x11\x40"                                                                                 \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                                       \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"
#define MAC "\1\2\3\4\5\6\1\2\3\4\5\7"

#define FRAME(text) (const uint8_t *)(text), sizeof(text) - 1

static const struct {
    int link;
    const uint8_t *p;
    size_t n;
    const char *src;
} FRAMES[] = {
    {DLT_EN10MB, FRAME(MAC "\x08\x00" IP4 UDP), "192.0.2.1:1000"},
    {DLT_EN10MB, FRAME(MAC "\x08\x00" IP4 UDP "\0\0\0\0\0\0"), "192.0.2.1:1000"}, /* Ethernet pads */
    {DLT_EN10MB, FRAME(MAC "\x81\x00\x00\x05\x08\x00" IP4 UDP), "192.0.2.1:1000"},
    {DLT_EN10MB, FRAME(MAC "\x86\xdd" IP6 UDP), "[2001:db8::1]:1000"},
    {DLT_LINUX_SLL, FRAME("\0\0\0\1\0\6abcdef\0\0\x08\x00" IP4 UDP), "192.0.2.1:1000"},
    {276, FRAME("\x08\x00\0\0\0\0\0\1\0\1\0\6abcdef\0\0" IP4 UDP), "192.0.2.1:1000"},
    {DLT_NULL, FRAME("\2\0\0\0" IP4 UDP), "192.0.2.1:1000"},
    {DLT_RAW, FRAME(IP4 UDP), "192.0.2.1:1000"},
    {101, FRAME(IP6 UDP), "[2001:db8::1]:1000"},
};

START_TEST(every_link_layer_is_taken_off)
{
    it_passive_packet k = {0};
    char src[IT_ADDR_TEXT];
    const char *why = it_passive_decode(&k, FRAMES[_i].link, it_bytes_of(FRAMES[_i].p, FRAMES[_i].n), 0);
    ck_assert_msg(why == NULL, "%s", why);
    ck_assert_str_eq(it_addr_text(k.src, src), FRAMES[_i].src);
    ck_assert_uint_eq(k.dst.port, 2000);
    ck_assert_uint_eq(k.payload.n, 4);
    ck_assert_mem_eq(k.payload.p, "data", 4);
    ck_assert(!k.tcp && k.cut == 0);
}
END_TEST

static const struct {
    int link;
    const uint8_t *p;
    size_t n;
    const char *why;
} NONE[] = {
    {DLT_EN10MB, FRAME(MAC "\x08"), "a frame that is too short"},
    {DLT_EN10MB,
     FRAME(MAC "\x08\x06"
               "\0\1"),
     "no IP packet"},
    {DLT_RAW, FRAME(""), "a frame that is too short"},
    {DLT_RAW, FRAME("\x10"), "no IP packet"},
    {DLT_RAW, FRAME("\x45\0\0"), "an IPv4 header that is broken"},
    {DLT_RAW, FRAME("\x45\x00\x00\x20\x00\x07\x20\x00\x40\x11\x00\x00\xc0\x00\x02\x01\xc6\x33\x64\x02" UDP),
     "a fragment"},
    {DLT_RAW, FRAME("\x45\x00\x00\x20\x00\x07\x00\x00\x40\x01\x00\x00\xc0\x00\x02\x01\xc6\x33\x64\x02" UDP),
     "neither UDP nor TCP"},
    {DLT_RAW, FRAME("\x60\0\0\0"), "an IPv6 header that is broken"},
    {DLT_RAW, FRAME(IP4), "a UDP header that is broken"},
    {147, FRAME(IP4 UDP), "a link layer that is not known"},
};

START_TEST(what_is_no_packet_says_why)
{
    it_passive_packet k = {0};
    const char *why = it_passive_decode(&k, NONE[_i].link, it_bytes_of(NONE[_i].p, NONE[_i].n), 0);
    ck_assert_ptr_nonnull(why);
    ck_assert_str_eq(why, NONE[_i].why);
}
END_TEST

START_TEST(every_truncation_is_a_packet_or_a_reason)
{
    for (size_t n = 0; n < FRAMES[_i].n; n++) {
        it_passive_packet k = {0};
        const char *why = it_passive_decode(&k, FRAMES[_i].link, it_bytes_of(FRAMES[_i].p, n), FRAMES[_i].n - n);
        ck_assert(why || k.payload.n + k.cut >= 4);
    }
}
END_TEST

START_TEST(a_snapped_packet_says_how_much_is_missing)
{
    it_passive_packet k = {0};
    static const char F[] = IP4 UDP;
    ck_assert_ptr_null(it_passive_decode(&k, DLT_RAW, it_bytes_of(F, 30), 2));
    ck_assert_uint_eq(k.payload.n, 2);
    ck_assert_uint_eq(k.cut, 2);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("packets");
    int n = (int)(sizeof FRAMES / sizeof *FRAMES);
    tcase_add_loop_test(c, every_link_layer_is_taken_off, 0, n);
    tcase_add_loop_test(c, what_is_no_packet_says_why, 0, (int)(sizeof NONE / sizeof *NONE));
    tcase_add_loop_test(c, every_truncation_is_a_packet_or_a_reason, 0, n);
    tcase_add_test(c, a_snapped_packet_says_how_much_is_missing);
    return run_case("passive packet", c);
}
