/* stack/rtmfp/flash/message.c: metadata, messages and commands, RFC 7425 section 5. */
#include "stack/rtmfp/flash/message.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[2048];

START_TEST(metadata_names_a_stream)
{
    it_buf b;
    it_rtmfp_tc tc;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_tc_put(&b, (it_rtmfp_tc){.stream = 0});
    kit_expect(kit_buf(&b), "54430400");
    ck_assert(it_rtmfp_tc_get(kit_buf(&b), &tc) && tc.stream == 0 && !tc.network);
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_tc_put(&b, (it_rtmfp_tc){.stream = 2000001, .network = true});
    kit_expect(kit_buf(&b), "544305fa8901");
    ck_assert(it_rtmfp_tc_get(kit_buf(&b), &tc) && tc.stream == 2000001 && tc.network);
}
END_TEST

/* RFC 7425 section 5.1.1. */
START_TEST(other_metadata_is_none)
{
    static const char *const BAD[] = {"", "5443", "544304", "54430000", "47521c", "544404 00", "544304 8880808000"};
    it_rtmfp_tc tc;
    ck_assert(!it_rtmfp_tc_get(kit_hex(room, BAD[_i]), &tc));
}
END_TEST

/* RFC 7425 section 5.1.2. */
START_TEST(messages_of_some_types_are_ignored)
{
    it_rtmfp_message m;
    uint8_t bytes[6] = {0, 0, 0, 1, 0, 9};
    for (uint8_t type = 0; type < 25; type++) {
        bytes[0] = type;
        bool taken = type >= 4 && type != 5 && type != 6;
        ck_assert_int_eq(it_rtmfp_message_get(it_bytes_of(bytes, 6), &m), taken);
    }
    ck_assert(m.timestamp == 256 && m.payload.n == 1);
    ck_assert(!it_rtmfp_message_get(it_bytes_of("\x14\0\0\0", 4), &m));
}
END_TEST

START_TEST(a_connect_is_a_command_of_either_type)
{
    it_buf b;
    it_rtmfp_message m;
    it_rtmfp_command c;
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_connect_put(&b, it_bytes_str("rtmfp://a/b"));
    ck_assert(it_rtmfp_message_get(kit_buf(&b), &m) && m.type == IT_RTMFP_MSG_COMMAND);
    ck_assert(it_rtmfp_command_get(&m, &c));
    ck_assert(it_bytes_eq(c.name, it_bytes_str("connect")) && c.transaction == 1);
    ck_assert(it_bytes_eq(it_rtmfp_amf_text_of(&c.args, "tcUrl"), it_bytes_str("rtmfp://a/b")));
    static const uint8_t EXT[] = {0, 2, 0, 1, 'x', 0, 0x40, 0, 0, 0, 0, 0, 0, 0};
    m = (it_rtmfp_message){.type = IT_RTMFP_MSG_COMMAND_EXT, .payload = it_bytes_of(EXT, sizeof EXT)};
    ck_assert(it_rtmfp_command_get(&m, &c) && c.transaction == 2);
    uint8_t other[sizeof EXT];
    memcpy(other, EXT, sizeof EXT);
    other[0] = 1; /* a format that is not defined */
    m.payload = it_bytes_of(other, sizeof other);
    ck_assert(!it_rtmfp_command_get(&m, &c));
    m = (it_rtmfp_message){.type = IT_RTMFP_MSG_AUDIO, .payload = it_bytes_of(EXT + 1, sizeof EXT - 1)};
    ck_assert(!it_rtmfp_command_get(&m, &c));
}
END_TEST

START_TEST(an_answer_has_a_code)
{
    for (int ok = 0; ok < 2; ok++) {
        it_buf b;
        it_rtmfp_message m;
        it_rtmfp_command c;
        it_buf_init(&b, room, sizeof room);
        it_rtmfp_connect_answer_put(&b, 1, ok);
        ck_assert(it_rtmfp_message_get(kit_buf(&b), &m) && it_rtmfp_command_get(&m, &c));
        ck_assert(it_bytes_eq(c.name, it_bytes_str(ok ? "_result" : "_error")) && c.transaction == 1);
        const char *code = ok ? "NetConnection.Connect.Success" : "NetConnection.Connect.Rejected";
        ck_assert(it_bytes_eq(it_rtmfp_answer_code(&c), it_bytes_str(code)));
    }
}
END_TEST

/* The example of RFC 7425 section 5.3.3, figure 3. */
START_TEST(peer_info_is_a_list_of_addresses)
{
    it_buf b;
    it_rtmfp_message m;
    it_rtmfp_command c;
    it_addr a[2] = {kit_addr("192.0.2.129:50001"), kit_addr("[2001:db8:1::2]:50002")}, got[4];
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_peer_info_put(&b, a, 2);
    kit_expect(kit_buf(&b), "14 00000000 02 000b 73657450656572496e666f 00 0000000000000000 05"
                            "02 0011 3139322e302e322e3132393a3530303031"
                            "02 0015 5b323030313a6462383a313a3a325d3a3530303032");
    ck_assert(it_rtmfp_message_get(kit_buf(&b), &m) && it_rtmfp_command_get(&m, &c));
    ck_assert_uint_eq(it_rtmfp_peer_info_get(&c, got, 4), 2);
    ck_assert(it_addr_eq(got[0], a[0]) && it_addr_eq(got[1], a[1]));
    ck_assert(it_rtmfp_command_get(&m, &c));
    ck_assert_uint_eq(it_rtmfp_peer_info_get(&c, got, 1), 1);
}
END_TEST

START_TEST(what_is_no_address_is_passed_over)
{
    it_buf b;
    it_rtmfp_message m;
    it_rtmfp_command c;
    it_addr got[4];
    it_buf_init(&b, room, sizeof room);
    it_rtmfp_command_put(&b, "setPeerInfo", 0);
    it_rtmfp_amf_put_null(&b);
    it_rtmfp_amf_put_string(&b, it_bytes_str("nobody"));
    it_rtmfp_amf_put_string(&b, it_bytes_of("192.0.2.1:1\0x", 13));
    it_rtmfp_amf_put_number(&b, 5);
    it_rtmfp_amf_put_object(&b);
    it_rtmfp_amf_put_end(&b);
    it_rtmfp_amf_put_string(&b, it_bytes_str("192.0.2.1:1"));
    ck_assert(it_rtmfp_message_get(kit_buf(&b), &m) && it_rtmfp_command_get(&m, &c));
    ck_assert_uint_eq(it_rtmfp_peer_info_get(&c, got, 4), 1);
    ck_assert(it_addr_eq(got[0], kit_addr("192.0.2.1:1")));
}
END_TEST

static void add(TCase *t)
{
    tcase_add_test(t, metadata_names_a_stream);
    tcase_add_loop_test(t, other_metadata_is_none, 0, 7);
    tcase_add_test(t, messages_of_some_types_are_ignored);
    tcase_add_test(t, a_connect_is_a_command_of_either_type);
    tcase_add_test(t, an_answer_has_a_code);
    tcase_add_test(t, peer_info_is_a_list_of_addresses);
    tcase_add_test(t, what_is_no_address_is_passed_over);
}

int main(void)
{
    return kit_main("rtmfp/flash/message", add);
}
