/* Captures as classic pcap. */
#include "tests/reports/folder.h"

#include <pcap/pcap.h>

/* A pcapng with one Ethernet interface of ns times and one packet of 16 bytes at 5 s and 7 ns. */
static const uint8_t PCAPNG[] = {
    0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0,  0,  255,  255,  255,  255,
    255,  255,  255,  255,  28, 0, 0, 0, /* SHB */
    1,    0,    0,    0,    32, 0, 0, 0, 1,    0,    0,    0,    0, 0, 0,  0,  9,    0,    1,    0,
    9,    0,    0,    0,    0,  0, 0, 0, 32,   0,    0,    0, /* IDB */
    6,    0,    0,    0,    48, 0, 0, 0, 0,    0,    0,    0,    1, 0, 0,  0,  0x07, 0xf2, 0x05, 0x2a,
    16,   0,    0,    0,    16, 0, 0, 0, /* EPB */
    1,    2,    3,    4,    5,  6, 7, 8, 9,    10,   11,   12,   8, 0, 15, 16, 48,   0,    0,    0,
};

static void put_bytes(const folder *f, const char *name, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *o = fopen(path, "wb");
    ck_assert(o && fwrite(PCAPNG, 1, n, o) == n && fclose(o) == 0);
}

static int export(folder *f, const char *from, const char *to, uint64_t *n)
{
    char a[128], b[128];
    snprintf(a, sizeof a, "%s/%s", f->dir, from);
    snprintf(b, sizeof b, "%s/%s", f->dir, to);
    return it_export_pcap(a, b, n, f->err);
}

START_TEST(packet_and_its_nanoseconds_arrive)
{
    folder f;
    uint64_t n;
    char path[128], why[PCAP_ERRBUF_SIZE];
    folder_open(&f);
    put_bytes(&f, "a.pcapng", sizeof PCAPNG);
    ck_assert_msg(export(&f, "a.pcapng", "a.pcap", &n) == 0, "%s", f.err);
    ck_assert_uint_eq(n, 1);
    snprintf(path, sizeof path, "%s/a.pcap", f.dir);
    pcap_t *p = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(pcap_datalink(p), DLT_EN10MB);
    struct pcap_pkthdr *h;
    const u_char *d;
    ck_assert_int_eq(pcap_next_ex(p, &h, &d), 1);
    ck_assert_int_eq(h->ts.tv_sec, 5);
    ck_assert_int_eq(h->ts.tv_usec, 7);
    ck_assert_uint_eq(h->caplen, 16);
    ck_assert_uint_eq(d[15], 16);
    pcap_close(p);
    folder_close(&f);
}
END_TEST

START_TEST(what_is_no_capture_is_one_clear_line)
{
    folder f;
    uint64_t n;
    folder_open(&f);
    folder_put(&f, "text", "this is no capture at all, but long enough for a header");
    put_bytes(&f, "short", sizeof PCAPNG - 9);
    ck_assert_int_eq(export(&f, "none", "x", &n), IT_ERR_NOTFOUND);
    ck_assert_ptr_nonnull(strstr(f.err, "none: No such file"));
    ck_assert_int_eq(export(&f, "text", "x", &n), IT_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(f.err, "unknown file format"));
    ck_assert_int_eq(export(&f, "short", "x", &n), IT_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(f.err, "truncated"));
    put_bytes(&f, "good", sizeof PCAPNG);
    ck_assert_int_eq(export(&f, "good", "no/such/folder", &n), IT_ERR_IO);
    ck_assert_ptr_null(strchr(f.err, '\n'));
    folder_close(&f);
}
END_TEST

START_TEST(full_disk_is_an_error)
{
    folder f;
    uint64_t n;
    char from[128];
    folder_open(&f);
    put_bytes(&f, "good", sizeof PCAPNG);
    snprintf(from, sizeof from, "%s/good", f.dir);
    ck_assert_int_eq(it_export_pcap(from, "/dev/full", &n, f.err), IT_ERR_IO);
    folder_close(&f);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("reports/export");
    TCase *t = tcase_create("pcap");
    tcase_add_test(t, packet_and_its_nanoseconds_arrive);
    tcase_add_test(t, what_is_no_capture_is_one_clear_line);
    tcase_add_test(t, full_disk_is_an_error);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
