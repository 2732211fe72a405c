/* stack/rtmfp/flash/command.c: the messages of NetStreams, RFC 7425 sections 5.3.4 and 5.3.5. */
#include "stack/rtmfp/flash/command.h"

#include "tests/stack/rtmfp/kit.h"

static uint8_t room[2048];
static it_buf b;
static it_rtmfp_message m;
static it_rtmfp_command cmd;

static void setup(void)
{
    it_buf_init(&b, room, sizeof room);
}

static void parse(void)
{
    ck_assert(it_rtmfp_message_get(kit_buf(&b), &m));
    ck_assert(it_rtmfp_command_get(&m, &cmd));
}

START_TEST(streams_are_created_by_number)
{
    uint32_t no = 0;
    it_rtmfp_create_put(&b, 2);
    kit_expect(kit_buf(&b), "1400000000 02000c63726561746553747265616d 004000000000000000 05");
    setup();
    it_rtmfp_created_put(&b, 2, 7);
    kit_expect(kit_buf(&b), "1400000000 0200075f726573756c74 004000000000000000 05 00401c000000000000");
    parse();
    ck_assert(cmd.transaction == 2 && it_rtmfp_number_get(&cmd, &no) && no == 7);
    setup();
    it_rtmfp_delete_put(&b, 7);
    parse();
    ck_assert(it_bytes_eq(cmd.name, it_bytes_str("deleteStream")) && it_rtmfp_number_get(&cmd, &no) && no == 7);
}
END_TEST

START_TEST(what_is_no_number_of_a_stream_is_none)
{
    static const int64_t BAD[] = {0, -1, IT_RTMFP_STREAM_MOST + 1};
    uint32_t no = 0;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        setup();
        it_rtmfp_command_put(&b, "_result", 2);
        it_rtmfp_amf_put_null(&b);
        it_rtmfp_amf_put_number(&b, BAD[i]);
        parse();
        ck_assert(!it_rtmfp_number_get(&cmd, &no));
    }
    setup();
    it_rtmfp_command_put(&b, "_result", 2);
    it_rtmfp_amf_put_null(&b);
    parse();
    ck_assert(!it_rtmfp_number_get(&cmd, &no));
    setup();
    it_rtmfp_verb_put(&b, "_result", it_bytes_str("seven"));
    parse();
    ck_assert(!it_rtmfp_number_get(&cmd, &no));
    setup();
    it_rtmfp_created_put(&b, 1, IT_RTMFP_STREAM_MOST);
    parse();
    ck_assert(it_rtmfp_number_get(&cmd, &no) && no == IT_RTMFP_STREAM_MOST);
}
END_TEST

START_TEST(a_name_has_one_byte_to_sixty_four)
{
    char text[80];
    static const size_t N[] = {0, 1, 64, 65};
    it_bytes name;
    memset(text, 'n', sizeof text);
    for (size_t i = 0; i < 4; i++) {
        setup();
        it_rtmfp_verb_put(&b, "play", it_bytes_of(text, N[i]));
        parse();
        ck_assert_int_eq(it_rtmfp_name_get(&cmd, &name), N[i] == 1 || N[i] == 64);
        if (N[i] == 64)
            ck_assert(it_bytes_eq(name, it_bytes_of(text, 64)));
    }
    setup();
    it_rtmfp_created_put(&b, 1, 3);
    parse();
    ck_assert(!it_rtmfp_name_get(&cmd, &name));
}
END_TEST

START_TEST(a_status_says_its_level_and_code)
{
    for (int i = 0; i < IT_RTMFP_CODES; i++) {
        enum it_rtmfp_code code = (enum it_rtmfp_code)i;
        setup();
        it_rtmfp_status_put(&b, code);
        parse();
        it_rtmfp_command again = cmd;
        it_rtmfp_amf null;
        ck_assert(it_rtmfp_amf_get(&again.args, &null) && null.type == IT_RTMFP_AMF_NULL);
        ck_assert(it_bytes_eq(it_rtmfp_amf_text_of(&again.args, "level"),
                              it_bytes_str(it_rtmfp_code_error(code) ? "error" : "status")));
        ck_assert_int_eq(it_rtmfp_status_get(&cmd), code);
    }
    setup();
    it_rtmfp_verb_put(&b, "onStatus", it_bytes_str("NetStream.Play.Start")); /* text in place of the object */
    parse();
    ck_assert_int_eq(it_rtmfp_status_get(&cmd), IT_RTMFP_CODES);
}
END_TEST

START_TEST(only_refusals_and_failures_are_errors)
{
    ck_assert(it_rtmfp_code_error(IT_RTMFP_NC_REJECTED) && it_rtmfp_code_error(IT_RTMFP_NS_FAILED));
    ck_assert(it_rtmfp_code_error(IT_RTMFP_PUBLISH_BAD_NAME) && !it_rtmfp_code_error(IT_RTMFP_NC_CLOSED));
    ck_assert(!it_rtmfp_code_error(IT_RTMFP_NC_NETWORK_CHANGE));
    ck_assert_int_eq(it_rtmfp_code_of(it_bytes_str("NetStream.Play.Sart")), IT_RTMFP_CODES);
}
END_TEST

/* 15 s and 10 s: RFC 7425 section 5.3.4. */
START_TEST(user_control_is_as_on_the_wire)
{
    it_rtmfp_control k = {.event = IT_RTMFP_SET_KEEPALIVE, .a = 15000, .b = 10000}, got;
    it_rtmfp_control_put(&b, &k);
    kit_expect(kit_buf(&b), "04 00000000 0029 00003a98 00002710");
    ck_assert(it_rtmfp_message_get(kit_buf(&b), &m) && it_rtmfp_control_get(&m, &got));
    ck_assert(got.event == 41 && got.a == 15000 && got.b == 10000);
    m.payload.n--; /* cut */
    ck_assert(!it_rtmfp_control_get(&m, &got));
    setup();
    k = (it_rtmfp_control){.event = IT_RTMFP_STREAM_EOF, .a = 3};
    it_rtmfp_control_put(&b, &k);
    kit_expect(kit_buf(&b), "04 00000000 0001 00000003");
    ck_assert(it_rtmfp_message_get(kit_buf(&b), &m) && it_rtmfp_control_get(&m, &got) && got.event == 1 && got.a == 3);
    m = (it_rtmfp_message){.type = IT_RTMFP_MSG_USER_CONTROL, .payload = it_bytes_of("\0\x20", 2)};
    ck_assert(it_rtmfp_control_get(&m, &got) && got.event == 32 && got.a == 0);
    m.type = IT_RTMFP_MSG_COMMAND;
    ck_assert(!it_rtmfp_control_get(&m, &got));
}
END_TEST

START_TEST(audio_and_video_travel_apart)
{
    ck_assert_int_eq(it_rtmfp_class(IT_RTMFP_MSG_AUDIO), 1);
    ck_assert_int_eq(it_rtmfp_class(IT_RTMFP_MSG_VIDEO), 2);
    ck_assert_int_eq(it_rtmfp_class(IT_RTMFP_MSG_DATA), 0);
    it_rtmfp_media_put(&b, IT_RTMFP_MSG_AUDIO, 0x01020304);
    kit_expect(kit_buf(&b), "08 01020304");
}
END_TEST

static void add(TCase *t)
{
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, streams_are_created_by_number);
    tcase_add_test(t, what_is_no_number_of_a_stream_is_none);
    tcase_add_test(t, a_name_has_one_byte_to_sixty_four);
    tcase_add_test(t, a_status_says_its_level_and_code);
    tcase_add_test(t, only_refusals_and_failures_are_errors);
    tcase_add_test(t, user_control_is_as_on_the_wire);
    tcase_add_test(t, audio_and_video_travel_apart);
}

int main(void)
{
    return kit_main("rtmfp/flash/command", add);
}
