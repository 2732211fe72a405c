/* stack/rtmfp/wire/chunk.c: payloads of startup, RFC 7016 sections 2.3.1 to 2.3.8. */
#include "stack/rtmfp/wire/chunk.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[512];
static it_buf buf;

static it_bytes payload_of(uint8_t type)
{
    it_rd r;
    it_rtmfp_chunk c;
    it_rd_init(&r, kit_buf(&buf));
    ck_assert(it_rtmfp_chunk_next(&r, &c));
    ck_assert_uint_eq(c.type, type);
    ck_assert_uint_eq(r.n, 0);
    return c.payload;
}

static void setup(void)
{
    it_buf_init(&buf, room, sizeof room);
}

START_TEST(an_ihello_is_that_of_the_known_answer)
{
    uint8_t epd[32], tag[16];
    it_rtmfp_ihello got;
    it_bytes e = kit_hex(epd, "160a72746d66703a2f2f6c6f63616c686f73742f617070");
    it_bytes t = kit_hex(tag, "000102030405060708090a0b0c0d0e0f");
    it_rtmfp_head_put(&buf, &(it_rtmfp_head){.mode = IT_RTMFP_STARTUP, .has_ts = true, .ts = 0x1234});
    it_rtmfp_ihello_put(&buf, e, t);
    kit_expect(kit_buf(&buf), "0b123430002817160a72746d66703a2f2f6c6f63616c686f73742f617070"
                              "000102030405060708090a0b0c0d0e0f");
    ck_assert(it_rtmfp_ihello_get(it_bytes_of(room + 6, buf.len - 6), &got));
    ck_assert(it_bytes_eq(got.epd, e) && it_bytes_eq(got.tag, t));
}
END_TEST

START_TEST(startup_chunks_are_read_as_they_were_written)
{
    it_rtmfp_ihello f;
    it_rtmfp_rhello h;
    it_rtmfp_redirect d;
    it_rtmfp_cookie_change c;
    it_rtmfp_addr a[2] = {{kit_addr("192.0.2.1:1"), IT_RTMFP_ORIGIN_OBSERVED},
                          {kit_addr("[2001:db8::1]:2"), IT_RTMFP_ORIGIN_RELAY}};
    it_rd r;

    it_rtmfp_fihello_put(&buf, it_bytes_str("epd"), a[1], it_bytes_str("tag"));
    ck_assert(it_rtmfp_fihello_get(payload_of(IT_RTMFP_FIHELLO), &f));
    ck_assert(it_bytes_eq(f.epd, it_bytes_str("epd")) && it_bytes_eq(f.tag, it_bytes_str("tag")));
    ck_assert(it_addr_eq(f.reply.addr, a[1].addr) && f.reply.origin == a[1].origin);

    setup();
    it_rtmfp_rhello_put(&buf, it_bytes_str("tag"), it_bytes_str("cookie"), it_bytes_str("cert"));
    ck_assert(it_rtmfp_rhello_get(payload_of(IT_RTMFP_RHELLO), &h));
    ck_assert(it_bytes_eq(h.tag, it_bytes_str("tag")) && it_bytes_eq(h.cookie, it_bytes_str("cookie")));
    ck_assert(it_bytes_eq(h.cert, it_bytes_str("cert")));

    setup();
    it_rtmfp_redirect_put(&buf, it_bytes_str("tag"), a, 2);
    ck_assert(it_rtmfp_redirect_get(payload_of(IT_RTMFP_REDIRECT), &d));
    it_rd_init(&r, d.addrs);
    for (int i = 0; i < 2; i++)
        ck_assert(it_addr_eq(it_rtmfp_addr_get(&r).addr, a[i].addr));
    ck_assert(!r.fail && r.n == 0);

    setup();
    it_rtmfp_cookie_change_put(&buf, it_bytes_str("old"), it_bytes_str("fresh"));
    ck_assert(it_rtmfp_cookie_change_get(payload_of(IT_RTMFP_COOKIE_CHANGE), &c));
    ck_assert(it_bytes_eq(c.old, it_bytes_str("old")) && it_bytes_eq(c.cookie, it_bytes_str("fresh")));
}
END_TEST

/* RFC 7016 sections 2.3.7, 2.3.8. */
START_TEST(a_signature_covers_all_that_is_before_it)
{
    it_rtmfp_iikeying i;
    it_rtmfp_rikeying k;
    size_t at = it_rtmfp_iikeying_put(&buf, 0x11223344, it_bytes_str("co"), it_bytes_str("ce"), it_bytes_str("sk"));
    it_buf_u8(&buf, 'X');
    it_rtmfp_chunk_end(&buf, at);
    ck_assert(it_rtmfp_iikeying_get(payload_of(IT_RTMFP_IIKEYING), &i));
    ck_assert_uint_eq(i.sid, 0x11223344);
    ck_assert(it_bytes_eq(i.cookie, it_bytes_str("co")) && it_bytes_eq(i.cert, it_bytes_str("ce")));
    ck_assert(it_bytes_eq(i.component, it_bytes_str("sk")) && it_bytes_eq(i.signature, it_bytes_str("X")));
    kit_expect(i.told, "11223344 02636f 026365 02736b");

    setup();
    at = it_rtmfp_rikeying_put(&buf, 5, it_bytes_str("sk"));
    it_rtmfp_chunk_end(&buf, at);
    ck_assert(it_rtmfp_rikeying_get(payload_of(IT_RTMFP_RIKEYING), &k));
    ck_assert(k.sid == 5 && it_bytes_eq(k.component, it_bytes_str("sk")) && k.signature.n == 0);
    kit_expect(k.told, "00000005 02736b");
}
END_TEST

START_TEST(fragments_are_read_as_they_were_written_and_an_empty_one_is_none)
{
    it_rtmfp_fragment got, f = {.more = true, .id = 300, .number = 2, .data = it_bytes_str("x")};
    it_rtmfp_fragment_put(&buf, &f);
    ck_assert(it_rtmfp_fragment_get(payload_of(IT_RTMFP_FRAGMENT), &got));
    ck_assert(got.more && got.id == 300 && got.number == 2 && got.data.n == 1);
    ck_assert(!it_rtmfp_fragment_get(it_bytes_of("\x80\x01\x02", 3), &got)); /* RFC 7016 section 2.3.1 */
}
END_TEST

/* RFC 7016 section 2.3: what does not fit voids its chunk. */
START_TEST(a_payload_that_is_cut_is_none)
{
    static const uint8_t CUT[] = {5, 1, 2};
    it_bytes p = it_bytes_of(CUT, sizeof CUT);
    it_rtmfp_ihello f;
    it_rtmfp_rhello h;
    it_rtmfp_redirect d;
    it_rtmfp_cookie_change c;
    it_rtmfp_iikeying i;
    it_rtmfp_rikeying k;
    ck_assert(!it_rtmfp_ihello_get(p, &f));
    ck_assert(!it_rtmfp_fihello_get(p, &f));
    ck_assert(!it_rtmfp_rhello_get(p, &h));
    ck_assert(!it_rtmfp_redirect_get(p, &d));
    ck_assert(!it_rtmfp_redirect_get(it_bytes_of("\0\2\1\2\3", 5), &d));
    ck_assert(!it_rtmfp_cookie_change_get(p, &c));
    ck_assert(!it_rtmfp_iikeying_get(p, &i));
    ck_assert(!it_rtmfp_rikeying_get(p, &k));
}
END_TEST

/* RFC 7016 section 2.2.2. */
START_TEST(session_0_is_not_opened)
{
    it_rtmfp_iikeying i;
    it_rtmfp_rikeying k;
    ck_assert(!it_rtmfp_iikeying_get(it_bytes_of("\0\0\0\0\0\0\0", 7), &i));
    ck_assert(!it_rtmfp_rikeying_get(it_bytes_of("\0\0\0\0\0", 5), &k));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, an_ihello_is_that_of_the_known_answer);
    tcase_add_test(t, startup_chunks_are_read_as_they_were_written);
    tcase_add_test(t, a_signature_covers_all_that_is_before_it);
    tcase_add_test(t, fragments_are_read_as_they_were_written_and_an_empty_one_is_none);
    tcase_add_test(t, a_payload_that_is_cut_is_none);
    tcase_add_test(t, session_0_is_not_opened);
}

int main(void)
{
    return kit_main("rtmfp/wire/chunk", add);
}
