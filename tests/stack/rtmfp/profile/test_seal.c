/* stack/rtmfp/profile/seal.c: the protection of packets, RFC 7425 section 4.7, in all four modes. */
#include "stack/rtmfp/profile/keying.h"
#include "stack/crypto/ossl.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[4096], out[4096], back[4096];
static it_rtmfp_keys keys, far;

static void setup(void)
{
    ck_assert_int_eq(it_ossl_init(), 0);
    memset(&keys, 0, sizeof keys);
    memset(&far, 0, sizeof far);
}

static void teardown(void)
{
    it_rtmfp_keys_wipe(&keys);
    it_rtmfp_keys_wipe(&far);
}

/* The keys of the known answer, with |mac| bytes of MAC and sequence numbers or not, in |keys| and, of the other end,
 * in |far|. */
static void known(uint8_t mac, bool seq)
{
    uint8_t s[256], i[256], r[256];
    it_bytes secret = kit_hex(s, KIT_S), skic = kit_hex(i, KIT_SKIC), skrc = kit_hex(r, KIT_SKRC);
    it_rtmfp_agreed a = {.secrets = {.mac_tx_size = mac, .mac_rx_size = mac, .seq_tx = seq, .seq_rx = seq}};
    it_rtmfp_derive(secret, skic, skrc, &a);
    ck_assert_int_eq(it_rtmfp_keys_init(&keys, &a.secrets), 0);
    it_rtmfp_derive(secret, skrc, skic, &a);
    ck_assert_int_eq(it_rtmfp_keys_init(&far, &a.secrets), 0);
}

static it_bytes sealed(uint32_t sid, it_bytes plain)
{
    int n = it_rtmfp_seal(&keys, sid, plain, out, sizeof out);
    ck_assert_int_gt(n, 0);
    return it_bytes_of(out, (size_t)n);
}

START_TEST(a_startup_packet_is_that_of_the_known_answer)
{
    uint32_t sid = 1;
    it_bytes got, plain = kit_hex(room, "0b123430002817160a72746d66703a2f2f6c6f63616c686f73742f617070"
                                        "000102030405060708090a0b0c0d0e0f");
    ck_assert_int_eq(it_rtmfp_keys_init_default(&keys), 0);
    it_bytes d = sealed(0, plain);
    kit_expect(d, "edcf286b7102cc8a9ccde4e17b585818a71139b510579c21f2f6eb7f9298b97c7d8fdfbe020972f8f7fa6f37f864891fc3"
                  "82592c");
    ck_assert(it_rtmfp_sid(d, &sid) && sid == 0);
    ck_assert_int_eq(it_rtmfp_open(&keys, d, back, sizeof back, &got), 0);
    ck_assert_mem_eq(got.p, plain.p, plain.n);
    for (size_t i = plain.n; i < got.n; i++)
        ck_assert_uint_eq(got.p[i], 0xff);
}
END_TEST

START_TEST(the_modes_of_integrity_are_those_of_the_known_answers)
{
    static const struct {
        uint8_t mac;
        bool seq;
        uint64_t next;
        const char *hex;
    } ROWS[] = {{16, true, 0,
                 "15e5089ec919245b899a5b4dba9a043a1ff37c7221416644e6fe1c036f557e149d78b8364dc7807cfff179f4e9d2320bfa8a"
                 "5ea4"},
                {0, false, 0, "53a7b55351d2996157135bbae829c4eb4f51f953e67735685ba2f9030fcdb1a9b2ff81f9"},
                {0, true, 5, "4b5c830e9a92e6fe84a81278d373697372e84ed65fdd5e1dd0f69d5e193fbb269c3300db"}};
    it_bytes plain = kit_hex(room, "090203100010800201010500544304000068656c6c6f"), got;
    uint32_t sid;
    known(ROWS[_i].mac, ROWS[_i].seq);
    keys.next = ROWS[_i].next;
    it_bytes d = sealed(0x55667788, plain);
    kit_expect(d, ROWS[_i].hex);
    ck_assert(it_rtmfp_sid(d, &sid) && sid == 0x55667788);
    ck_assert_int_eq(it_rtmfp_open(&far, d, back, sizeof back, &got), 0);
    ck_assert_mem_eq(got.p, plain.p, plain.n);
}
END_TEST

/* RFC 7425 section 4.7.3.1, which says what RFC 1071 does not. */
START_TEST(a_last_odd_byte_of_a_checksum_is_the_low_one)
{
    ck_assert_uint_eq(it_rtmfp_checksum(it_bytes_of("\0\1\2\3", 4)), 0xfdfb);
    ck_assert_uint_eq(it_rtmfp_checksum(it_bytes_of("\0\1\2", 3)), 0xfffc);
    ck_assert_uint_eq(it_rtmfp_checksum(it_bytes_of(NULL, 0)), 0xffff);
}
END_TEST

START_TEST(every_size_is_sealed_and_opened_in_every_mode)
{
    known(_i & 1 ? 10 : 0, _i & 2);
    for (size_t i = 0; i < sizeof room; i++)
        room[i] = (uint8_t)(i * 7 + 1);
    for (size_t n = 1; n < 300; n++) {
        it_bytes got, d = sealed(9, it_bytes_of(room, n));
        ck_assert_int_eq(it_rtmfp_open(&far, d, back, sizeof back, &got), 0);
        ck_assert(got.n >= n && got.n < n + 16);
        ck_assert_mem_eq(got.p, room, n);
    }
}
END_TEST

START_TEST(room_is_exact)
{
    known(_i & 1 ? 10 : 0, _i & 2);
    keys.next = 200;
    for (size_t max = 0; max < 200; max++) {
        size_t n = it_rtmfp_seal_room(&keys, max);
        ck_assert_int_eq(it_rtmfp_seal(&keys, 1, it_bytes_of(room, n + 1), out, max), IT_ERR_FULL);
        if (n)
            ck_assert_int_le(it_rtmfp_seal(&keys, 1, it_bytes_of(room, n), out, max), (int)max);
    }
}
END_TEST

/* RFC 7425 section 4.7: an alteration is never taken. With a MAC that is certain, with a checksum nearly so. */
START_TEST(a_changed_packet_is_not_authentic_and_leaves_no_mark)
{
    it_bytes got;
    known(16, true);
    it_bytes d = sealed(1, it_bytes_str("\x09hello"));
    for (size_t bit = 32; bit < d.n * 8; bit++) {
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_int_eq(it_rtmfp_open(&far, d, back, sizeof back, &got), IT_ERR_AUTH);
        out[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_eq(far.above, 0);
    ck_assert_int_eq(it_rtmfp_open(&far, d, back, sizeof back, &got), 0);
}
END_TEST

START_TEST(what_is_not_whole_blocks_is_not_authentic)
{
    it_bytes got;
    known(_i ? 16 : 0, false);
    it_bytes d = sealed(1, it_bytes_str("\x09hello"));
    for (size_t n = 0; n < d.n; n++)
        ck_assert_int_eq(it_rtmfp_open(&far, it_bytes_of(out, n), back, sizeof back, &got), IT_ERR_AUTH);
    ck_assert_int_eq(it_rtmfp_open(&far, d, back, d.n - 1, &got), IT_ERR_AUTH);
}
END_TEST

/* RFC 7425 section 4.7.3.3: 32 at least are told apart however they are reordered. */
START_TEST(a_packet_is_taken_once_and_not_from_below_the_window)
{
    static uint8_t packet[200][64];
    size_t size[200];
    it_bytes got;
    known(8, true);
    for (int i = 0; i < 200; i++) {
        it_bytes d = sealed(1, it_bytes_str("\x09hello"));
        memcpy(packet[i], d.p, d.n);
        size[i] = d.n;
    }
    for (int i = 199; i >= 0; i--) {
        int want = 199 - i < IT_RTMFP_WINDOW ? 0 : IT_ERR_OLD;
        it_bytes d = it_bytes_of(packet[i], size[i]);
        ck_assert_int_eq(it_rtmfp_open(&far, d, back, sizeof back, &got), want);
        ck_assert_int_eq(it_rtmfp_open(&far, d, back, sizeof back, &got), want ? want : IT_ERR_REPLAY);
    }
}
END_TEST

/* RFC 7425 section 4.6.6: they do not wrap. */
START_TEST(the_last_sequence_number_ends_a_session)
{
    known(8, true);
    keys.next = UINT64_MAX - 1;
    sealed(1, it_bytes_str("\x09"));
    ck_assert_int_eq(it_rtmfp_seal(&keys, 1, it_bytes_str("\x09"), out, sizeof out), IT_ERR_LIMIT);
}
END_TEST

START_TEST(nothing_is_not_sealed)
{
    known(_i ? 8 : 0, false);
    ck_assert_int_eq(it_rtmfp_seal(&keys, 1, it_bytes_of(NULL, 0), out, sizeof out), IT_ERR_RANGE);
}
END_TEST

START_TEST(a_short_datagram_has_a_session_or_none)
{
    uint32_t sid;
    ck_assert(!it_rtmfp_sid(it_bytes_of("abc", 3), &sid));
    ck_assert(it_rtmfp_sid(it_bytes_of("\0\0\0\5", 4), &sid) && sid == 5);
    ck_assert(it_rtmfp_sid(it_bytes_of("\0\0\0\5\1\0\0\0\0\2", 10), &sid) && sid == (5u ^ 0x01000000 ^ 0x00020000));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_startup_packet_is_that_of_the_known_answer);
    tcase_add_loop_test(t, the_modes_of_integrity_are_those_of_the_known_answers, 0, 3);
    tcase_add_test(t, a_last_odd_byte_of_a_checksum_is_the_low_one);
    tcase_add_loop_test(t, every_size_is_sealed_and_opened_in_every_mode, 0, 4);
    tcase_add_loop_test(t, room_is_exact, 0, 4);
    tcase_add_test(t, a_changed_packet_is_not_authentic_and_leaves_no_mark);
    tcase_add_loop_test(t, what_is_not_whole_blocks_is_not_authentic, 0, 2);
    tcase_add_test(t, a_packet_is_taken_once_and_not_from_below_the_window);
    tcase_add_test(t, the_last_sequence_number_ends_a_session);
    tcase_add_loop_test(t, nothing_is_not_sealed, 0, 2);
    tcase_add_test(t, a_short_datagram_has_a_session_or_none);
}

int main(void)
{
    return kit_main("rtmfp/profile/seal", add);
}
