/* stack/dtls/record.c: which records reach OpenSSL. */
#include "stack/dtls/impl.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define HEAD(type, epoch, n) type "\xfe\xfd\0" epoch "\0\0\0\0\x07\x09\0" n

static const struct {
    const char *bytes;
    size_t n;
    bool client; /* what it is sent to */
    size_t overhead, kept;
} ROWS[] = {
    {HEAD("\x15", "\0", "\2") "\2\x28", 15, true, 0, 0},                          /* an alert in clear */
    {HEAD("\x17", "\0", "\2") "xx", 15, true, 0, 0},                              /* data in clear */
    {HEAD("\x14", "\0", "\1") "\1", 14, true, 0, 14},                             /* ChangeCipherSpec */
    {HEAD("\x14", "\0", "\1") "\2", 14, true, 0, 0},                              /* which says nothing else */
    {HEAD("\x14", "\0", "\1") "\1", 14, true, 24, 0},                             /* nor after the handshake */
    {HEAD("\x16", "\0", "\x0c") "\x0e\0\0\0\0\4\0\0\0\0\0\0", 25, true, 0, 25},   /* ServerHelloDone */
    {HEAD("\x16", "\0", "\x0c") "\x0e\0\0\0\0\4\0\0\0\0\0\0", 25, false, 0, 0},   /* is for clients */
    {HEAD("\x16", "\0", "\x0c") "\x0e\0\0\0\0\3\0\0\0\0\0\0", 25, true, 0, 0},    /* and the fifth message */
    {HEAD("\x16", "\0", "\x0d") "\x0b\0\0\1\0\1\0\0\0\0\0\1x", 26, false, 0, 26}, /* a Certificate, the second */
    {HEAD("\x16", "\0", "\x0d") "\x0b\0\0\1\0\2\0\0\0\0\0\1x", 26, false, 0, 0},  /* never the third */
    {HEAD("\x16", "\0", "\x0c") "\1\0\0\1\0\0\0\0\0\0\0\0", 25, false, 0, 0},     /* an empty part */
    {HEAD("\x16", "\0", "\x0d") "\1\0\0\1\0\0\0\0\0\0\0\1x", 26, false, 0, 26},   /* a whole one */
    {HEAD("\x16", "\0", "\x0d") "\1\0\0\1\0\0\0\0\1\0\0\1x", 26, false, 0, 0},    /* beyond its end */
    {HEAD("\x16", "\0", "\x0d") "\3\0\0\1\0\0\0\0\0\0\0\1x", 26, true, 0, 26},    /* HelloVerifyRequest */
    {HEAD("\x16", "\0", "\x0d") "\3\0\0\1\0\1\0\0\0\0\0\1x", 26, true, 0, 0},     /* which is the first */
    {HEAD("\x16", "\0", "\x0d") "\3\0\0\1\0\0\0\0\0\0\0\1x", 26, false, 0, 0},    /* and for clients */
    {HEAD("\x16", "\0", "\x0c") "\x0e\0\0\0\0\5\0\0\0\0\0\0", 25, true, 0, 25},   /* all is one later then */
    {HEAD("\x16", "\0", "\5") "\1\0\0\0\0", 18, false, 0, 0},                     /* no header of a message */
    {HEAD("\x16", "\1", "\x18") "012345678901234567890123", 37, true, 0, 0},      /* too short for a tag */
    {HEAD("\x16", "\1", "\x19") "0123456789012345678901234", 38, true, 0, 38},
    {HEAD("\x17", "\1", "\x11") "01234567890123456", 30, true, 16, 30},
    {HEAD("\x17", "\2", "\x19") "0123456789012345678901234", 38, true, 24, 0}, /* an epoch that never comes */
    {HEAD("\x19", "\1", "\x19") "0123456789012345678901234", 38, true, 24, 0}, /* a type that is none */
    {HEAD("\x14", "\0", "\2") "\1", 14, true, 0, 0},                           /* longer than the datagram */
    {HEAD("\x15", "\0", "\2") "\2\x28" HEAD("\x14", "\0", "\1") "\1", 29, true, 0, 14},
    {"\x14", 1, true, 0, 0},
    {"", 0, true, 0, 0},
};

START_TEST(a_record_passes_or_not)
{
    uint8_t out[64];
    uint64_t clear = 3;
    uint8_t *exact = malloc(ROWS[_i].n ? ROWS[_i].n : 1); /* sanitizers see a read past the end */
    memcpy(exact, ROWS[_i].bytes, ROWS[_i].n);
    size_t n = it_dtls_sift(ROWS[_i].client, ROWS[_i].overhead, &clear, it_bytes_of(exact, ROWS[_i].n), out);
    ck_assert_uint_eq(n, ROWS[_i].kept);
    if (n && out[4] == 0) {
        ck_assert_uint_eq(out[10], 3); /* numbered by us */
        ck_assert_uint_eq(out[9], 0);
        ck_assert_uint_eq(clear, 4);
    } else if (n) {
        ck_assert_uint_eq(out[10], 9);
        ck_assert_uint_eq(clear, 3);
    }
    free(exact);
}
END_TEST

START_TEST(contradictions_are_about_one_message)
{
    static const char A[] = HEAD("\x16", "\0", "\x0d") "\2\0\0\1\0\1\0\0\0\0\0\1x";
    static const char SAME[] = HEAD("\x16", "\0", "\x0d") "\2\0\0\1\0\1\0\0\0\0\0\1x";
    static const char OTHER[] = HEAD("\x16", "\0", "\x0d") "\2\0\0\1\0\1\0\0\0\0\0\1y";
    static const char TYPE[] = HEAD("\x16", "\0", "\x0d") "\x0b\0\0\1\0\1\0\0\0\0\0\1x";
    static const char NEXT[] = HEAD("\x16", "\0", "\x0d") "\2\0\0\1\0\2\0\0\0\0\0\1y";
    static const char LONG[] = HEAD("\x16", "\0", "\x0f") "\2\0\0\4\0\1\0\0\0\0\0\3abc";
    static const char LATER[] = HEAD("\x16", "\0", "\x0e") "\2\0\0\4\0\1\0\0\2\0\0\2cd";
    static const char OVER[] = HEAD("\x16", "\0", "\x0e") "\2\0\0\4\0\1\0\0\2\0\0\2xd";
    static const char APART[] = HEAD("\x16", "\0", "\x0d") "\2\0\0\4\0\1\0\0\3\0\0\1z";
    it_bytes part = it_bytes_of(LONG, 28);
    ck_assert(!it_dtls_contradict(part, it_bytes_of(LATER, 27)));
    ck_assert(it_dtls_contradict(part, it_bytes_of(OVER, 27)));
    ck_assert(it_dtls_contradict(it_bytes_of(OVER, 27), part));
    ck_assert(!it_dtls_contradict(part, it_bytes_of(APART, 26)));
    it_bytes a = it_bytes_of(A, 26);
    ck_assert(!it_dtls_contradict(a, it_bytes_of(SAME, 26)));
    ck_assert(it_dtls_contradict(a, it_bytes_of(OTHER, 26)));
    ck_assert(it_dtls_contradict(a, it_bytes_of(TYPE, 26)));
    ck_assert(!it_dtls_contradict(a, it_bytes_of(NEXT, 26)));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("dtls/record");
    TCase *t = tcase_create("record");
    tcase_add_loop_test(t, a_record_passes_or_not, 0, (int)(sizeof ROWS / sizeof *ROWS));
    tcase_add_test(t, contradictions_are_about_one_message);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
