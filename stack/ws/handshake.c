/* Requests and responses that open a WebSocket. */
#include "stack/ws/handshake.h"

#include "stack/crypto/digest.h"
#include "stack/http/head.h"
#include "stack/ws/ws.h"

#include <stdio.h>

static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */

void it_ws_accept(it_bytes key, char out[IT_WS_ACCEPT + 1])
{
    uint8_t digest[IT_SHA1_SIZE];
    it_sha1(digest, key, it_bytes_str(GUID), it_bytes_of(NULL, 0));
    int n = it_base64_encode(out, IT_WS_ACCEPT + 1, it_bytes_of(digest, sizeof digest));
    out[n < 0 ? 0 : n] = 0;
}

/* What snprintf answered for |cap| bytes. */
static int written(int n, size_t cap)
{
    return n < 0 || (size_t)n >= cap ? IT_ERR_TOOBIG : n;
}

int it_ws_request_write(char *out, size_t cap, const char *host, const char *target, const char *key,
                        const char *protocol)
{
    int n = snprintf(out, cap,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                     target, host, key, protocol ? "Sec-WebSocket-Protocol: " : "", protocol ? protocol : "",
                     protocol ? "\r\n" : "");
    return written(n, cap);
}

/* Whether one of the fields |name| of |head| lists |token|. */
static bool lists(it_bytes head, const char *name, const char *token)
{
    it_bytes value;
    for (size_t k = 0; it_http_field(head, name, k, &value); k++)
        if (it_http_has_token(value, token))
            return true;
    return false;
}

/* Whether |head| has one field |name|, its value in |*value|. */
static bool has_one(it_bytes head, const char *name, it_bytes *value)
{
    it_bytes second;
    return it_http_field(head, name, 0, value) && !it_http_field(head, name, 1, &second);
}

/* Whether |key| is 16 bytes in base64. RFC 6455 section 4.2.1, item 5. */
static bool is_key(it_bytes key)
{
    uint8_t raw[IT_WS_KEY];
    return key.n == IT_WS_KEY && it_base64_decode(raw, sizeof raw, key) == 16;
}

/* What request |r| of |head|, which wants a WebSocket, is answered. */
static int judge_upgrade(const it_http_request *r, it_bytes head)
{
    it_bytes value;
    if (!it_bytes_eq(r->method, it_bytes_str("GET"))) /* RFC 6455 section 4.2.1, item 1 */
        return 405;
    if (r->minor < 1 || !lists(head, "Connection", "Upgrade"))
        return 400;
    if (!has_one(head, "Host", &value) || !has_one(head, "Sec-WebSocket-Version", &value))
        return 400;
    if (!it_http_is(value, "13")) /* section 4.4 */
        return 426;
    return has_one(head, "Sec-WebSocket-Key", &value) && is_key(value) ? 101 : 400;
}

int it_ws_judge(it_bytes head)
{
    it_http_request r;
    if (it_http_request_parse(head, &r) < 0)
        return 400;
    return lists(head, "Upgrade", "websocket") ? judge_upgrade(&r, head) : 0;
}

int it_ws_response_write(char *out, size_t cap, it_bytes head, const char *protocol)
{
    char accept[IT_WS_ACCEPT + 1];
    it_bytes key;
    if (!it_http_field(head, "Sec-WebSocket-Key", 0, &key))
        return IT_ERR_TOOBIG;
    it_ws_accept(key, accept);
    bool agreed = protocol && lists(head, "Sec-WebSocket-Protocol", protocol);
    int n = snprintf(out, cap,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
                     accept, agreed ? "Sec-WebSocket-Protocol: " : "", agreed ? protocol : "", agreed ? "\r\n" : "");
    return written(n, cap);
}

bool it_ws_response_agrees(it_bytes head, const char *key, const char *protocol)
{
    char accept[IT_WS_ACCEPT + 1];
    it_bytes value;
    it_ws_accept(it_bytes_str(key), accept);
    if (!lists(head, "Upgrade", "websocket") || !lists(head, "Connection", "Upgrade"))
        return false;
    if (!has_one(head, "Sec-WebSocket-Accept", &value) || !it_bytes_eq(value, it_bytes_str(accept)))
        return false;
    if (it_http_field(head, "Sec-WebSocket-Extensions", 0, &value)) /* none was offered */
        return false;
    if (!it_http_field(head, "Sec-WebSocket-Protocol", 0, &value))
        return true;
    return protocol && it_bytes_eq(value, it_bytes_str(protocol));
}
