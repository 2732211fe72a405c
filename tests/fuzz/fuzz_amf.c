/* Messages of Flash: metadata, commands, AMF0 values. What is read lies in the input, and reading ends. */
#include "stack/rtmfp/flash/message.h"
#include "tests/fuzz/fuzz.h"

static void inside(it_bytes whole, it_bytes part)
{
    MUST(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = fuzz_exact(it_bytes_of(data, size));
    it_bytes in = it_bytes_of(exact, size);
    it_rtmfp_message m;
    it_rtmfp_command c, again;
    it_rtmfp_amf v;
    it_rtmfp_tc tc;
    it_addr addrs[IT_RTMFP_PEER_ADDRS];
    it_rd r;
    if (it_rtmfp_tc_get(in, &tc))
        MUST(tc.stream <= IT_RTMFP_STREAM_MOST);
    if (it_rtmfp_message_get(in, &m) && it_rtmfp_command_get(&m, &c)) {
        inside(in, c.name);
        again = c;
        MUST(it_rtmfp_peer_info_get(&again, addrs, IT_RTMFP_PEER_ADDRS) <= IT_RTMFP_PEER_ADDRS);
        inside(in, it_rtmfp_answer_code(&c));
    }
    it_rd_init(&r, in);
    while (it_rtmfp_amf_get(&r, &v)) {
        int64_t n;
        inside(in, v.text);
        if (v.type == IT_RTMFP_AMF_NUMBER && it_rtmfp_amf_whole(v.bits, &n))
            MUST(it_rtmfp_amf_bits(n) == v.bits || n == 0);
        it_rtmfp_amf_skip(&r, &v);
    }
    free(exact);
    return 0;
}
