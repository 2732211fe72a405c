/* Metadata, messages, commands. */
#include "stack/rtmfp/flash/message.h"

#include "stack/rtmfp/wire/vlu.h"

#define SIGNATURE_1 'T'
#define SIGNATURE_2 'C'
#define HAS_STREAM 0x04
#define NETWORK_ORDER 0x01

void it_rtmfp_tc_put(it_buf *b, it_rtmfp_tc tc)
{
    it_buf_u8(b, SIGNATURE_1);
    it_buf_u8(b, SIGNATURE_2);
    it_buf_u8(b, tc.network ? HAS_STREAM | NETWORK_ORDER : HAS_STREAM);
    it_rtmfp_vlu_put(b, tc.stream);
}

bool it_rtmfp_tc_get(it_bytes metadata, it_rtmfp_tc *tc)
{
    it_rd r;
    it_rd_init(&r, metadata);
    bool signature = it_rd_u8(&r) == SIGNATURE_1;
    signature &= it_rd_u8(&r) == SIGNATURE_2;
    uint8_t flags = it_rd_u8(&r);
    uint64_t stream = it_rtmfp_vlu_get(&r);
    if (!signature || !(flags & HAS_STREAM) || r.fail || stream > IT_RTMFP_STREAM_MOST)
        return false;
    tc->stream = (uint32_t)stream;
    tc->network = flags & NETWORK_ORDER;
    return true;
}

bool it_rtmfp_message_get(it_bytes bytes, it_rtmfp_message *m)
{
    it_rd r;
    it_rd_init(&r, bytes);
    m->type = it_rd_u8(&r);
    m->timestamp = it_rd_u32(&r);
    m->payload = it_bytes_of(r.p, r.n);
    if (r.fail || m->type < IT_RTMFP_MSG_USER_CONTROL) /* RFC 7425 section 5.1.2: MUST be ignored */
        return false;
    return m->type != 5 && m->type != 6;
}

bool it_rtmfp_command_get(const it_rtmfp_message *m, it_rtmfp_command *c)
{
    it_rtmfp_amf name, transaction;
    it_rd_init(&c->args, m->payload);
    if (m->type == IT_RTMFP_MSG_COMMAND_EXT && it_rd_u8(&c->args) != 0) /* section 5.3.3: format 0 alone is defined */
        return false;
    if (m->type != IT_RTMFP_MSG_COMMAND && m->type != IT_RTMFP_MSG_COMMAND_EXT)
        return false;
    if (!it_rtmfp_amf_get(&c->args, &name) || name.type != IT_RTMFP_AMF_STRING)
        return false;
    if (!it_rtmfp_amf_get(&c->args, &transaction) || transaction.type != IT_RTMFP_AMF_NUMBER)
        return false;
    c->name = name.text;
    return it_rtmfp_amf_whole(transaction.bits, &c->transaction);
}

void it_rtmfp_command_put(it_buf *b, const char *name, int64_t transaction)
{
    it_buf_u8(b, IT_RTMFP_MSG_COMMAND);
    it_buf_u32(b, 0);
    it_rtmfp_amf_put_string(b, it_bytes_str(name));
    it_rtmfp_amf_put_number(b, transaction);
}

void it_rtmfp_connect_put(it_buf *b, it_bytes uri)
{
    it_rtmfp_command_put(b, "connect", 1);
    it_rtmfp_amf_put_object(b);
    it_rtmfp_amf_put_key(b, "app");
    it_rtmfp_amf_put_string(b, it_bytes_str(""));
    it_rtmfp_amf_put_key(b, "tcUrl");
    it_rtmfp_amf_put_string(b, uri);
    it_rtmfp_amf_put_key(b, "objectEncoding");
    it_rtmfp_amf_put_number(b, 0);
    it_rtmfp_amf_put_end(b);
}

void it_rtmfp_connect_answer_put(it_buf *b, int64_t transaction, bool ok)
{
    const char *code = ok ? "NetConnection.Connect.Success" : "NetConnection.Connect.Rejected";
    it_rtmfp_command_put(b, ok ? "_result" : "_error", transaction);
    it_rtmfp_amf_put_null(b);
    it_rtmfp_amf_put_object(b);
    it_rtmfp_amf_put_key(b, "level");
    it_rtmfp_amf_put_string(b, it_bytes_str(ok ? "status" : "error"));
    it_rtmfp_amf_put_key(b, "code");
    it_rtmfp_amf_put_string(b, it_bytes_str(code));
    it_rtmfp_amf_put_end(b);
}

void it_rtmfp_peer_info_put(it_buf *b, const it_addr *addrs, size_t n)
{
    char text[IT_ADDR_TEXT];
    it_rtmfp_command_put(b, "setPeerInfo", 0);
    it_rtmfp_amf_put_null(b);
    for (size_t i = 0; i < n; i++)
        it_rtmfp_amf_put_string(b, it_bytes_str(it_addr_text(addrs[i], text)));
}

size_t it_rtmfp_peer_info_get(it_rtmfp_command *c, it_addr *addrs, size_t most)
{
    it_rtmfp_amf v;
    size_t n = 0;
    while (n < most && it_rtmfp_amf_get(&c->args, &v)) {
        char text[IT_ADDR_TEXT] = "";
        it_rtmfp_amf_skip(&c->args, &v);
        if (v.type != IT_RTMFP_AMF_STRING || v.text.n >= sizeof text)
            continue;
        memcpy(text, v.text.p, v.text.n);
        if (strlen(text) == v.text.n && it_addr_parse(&addrs[n], text) == 0)
            n++;
    }
    return n;
}

it_bytes it_rtmfp_answer_code(it_rtmfp_command *c)
{
    it_rtmfp_amf v;
    if (!it_rtmfp_amf_get(&c->args, &v)) /* the command object, or null */
        return it_bytes_of(NULL, 0);
    it_rtmfp_amf_skip(&c->args, &v);
    return it_rtmfp_amf_text_of(&c->args, "code");
}
