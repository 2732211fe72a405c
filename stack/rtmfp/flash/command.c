/* Commands and user control of NetStreams. */
#include "stack/rtmfp/flash/command.h"

void it_rtmfp_create_put(it_buf *b, int64_t transaction)
{
    it_rtmfp_command_put(b, "createStream", transaction);
    it_rtmfp_amf_put_null(b);
}

void it_rtmfp_created_put(it_buf *b, int64_t transaction, uint32_t stream)
{
    it_rtmfp_command_put(b, "_result", transaction);
    it_rtmfp_amf_put_null(b);
    it_rtmfp_amf_put_number(b, stream);
}

void it_rtmfp_delete_put(it_buf *b, uint32_t stream)
{
    it_rtmfp_command_put(b, "deleteStream", 0);
    it_rtmfp_amf_put_null(b);
    it_rtmfp_amf_put_number(b, stream);
}

/* Passes over the command object, which is null mostly. */
static bool command_object(it_rtmfp_command *c)
{
    it_rtmfp_amf v;
    if (!it_rtmfp_amf_get(&c->args, &v))
        return false;
    it_rtmfp_amf_skip(&c->args, &v);
    return !c->args.fail;
}

bool it_rtmfp_number_get(it_rtmfp_command *c, uint32_t *stream)
{
    it_rtmfp_amf v;
    int64_t n;
    if (!command_object(c) || !it_rtmfp_amf_get(&c->args, &v) || v.type != IT_RTMFP_AMF_NUMBER)
        return false;
    if (!it_rtmfp_amf_whole(v.bits, &n) || n < 1 || n > IT_RTMFP_STREAM_MOST) /* RFC 7425 section 5.1.1 */
        return false;
    *stream = (uint32_t)n;
    return true;
}

void it_rtmfp_verb_put(it_buf *b, const char *verb, it_bytes name)
{
    it_rtmfp_command_put(b, verb, 0);
    it_rtmfp_amf_put_null(b);
    if (name.n)
        it_rtmfp_amf_put_string(b, name);
}

bool it_rtmfp_name_get(it_rtmfp_command *c, it_bytes *name)
{
    it_rtmfp_amf v;
    if (!command_object(c) || !it_rtmfp_amf_get(&c->args, &v) || v.type != IT_RTMFP_AMF_STRING)
        return false;
    *name = v.text;
    return v.text.n > 0 && v.text.n <= IT_RTMFP_NAME_MOST;
}

void it_rtmfp_status_put(it_buf *b, enum it_rtmfp_code code)
{
    const char *level = it_rtmfp_code_error(code) ? "error" : "status";
    it_rtmfp_command_put(b, "onStatus", 0);
    it_rtmfp_amf_put_null(b);
    it_rtmfp_amf_put_object(b);
    it_rtmfp_amf_put_key(b, "level");
    it_rtmfp_amf_put_string(b, it_bytes_str(level));
    it_rtmfp_amf_put_key(b, "code");
    it_rtmfp_amf_put_string(b, it_bytes_str(it_rtmfp_code_name(code)));
    it_rtmfp_amf_put_end(b);
}

enum it_rtmfp_code it_rtmfp_status_get(it_rtmfp_command *c)
{
    it_bytes name = it_rtmfp_answer_code(c);
    return name.p ? it_rtmfp_code_of(name) : IT_RTMFP_CODES;
}

void it_rtmfp_control_put(it_buf *b, const it_rtmfp_control *c)
{
    it_rtmfp_media_put(b, IT_RTMFP_MSG_USER_CONTROL, 0); /* section 5.3.4: its timestamp is ignored */
    it_buf_u16(b, c->event);
    it_buf_u32(b, c->a);
    if (c->event == IT_RTMFP_SET_KEEPALIVE)
        it_buf_u32(b, c->b);
}

bool it_rtmfp_control_get(const it_rtmfp_message *m, it_rtmfp_control *c)
{
    it_rd r;
    it_rd_init(&r, m->payload);
    *c = (it_rtmfp_control){.event = it_rd_u16(&r)};
    if (m->type != IT_RTMFP_MSG_USER_CONTROL || r.fail)
        return false;
    bool known = c->event <= IT_RTMFP_STREAM_EOF || c->event == IT_RTMFP_SET_KEEPALIVE;
    if (known || r.n >= 4)
        c->a = it_rd_u32(&r);
    if (c->event == IT_RTMFP_SET_KEEPALIVE)
        c->b = it_rd_u32(&r);
    return !r.fail;
}

void it_rtmfp_media_put(it_buf *b, uint8_t type, uint32_t timestamp)
{
    it_buf_u8(b, type);
    it_buf_u32(b, timestamp);
}

int it_rtmfp_class(uint8_t type)
{
    if (type == IT_RTMFP_MSG_AUDIO)
        return 1;
    return type == IT_RTMFP_MSG_VIDEO ? 2 : 0;
}
