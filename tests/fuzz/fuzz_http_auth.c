/* Challenges and credentials of HTTP from the far side.
 *
 * The first byte chooses: bit 0, the rest is a field of credentials, else the lines of a response with challenges.
 * Whatever is read fits where it is kept; credentials of nobody prove nothing; a challenge that was chosen can be
 * answered, and the answer is read as what it is; what was written as a challenge is chosen again, the same. */
#include "tests/fuzz/fuzz.h"

#include "stack/http/auth.h"
#include "stack/http/head.h"

static const it_http_login LOGIN = {"alice", "secret", "CONNECT", "a:1", "c0", 1};

static void read_items(it_bytes in)
{
    it_http_auth_rd r = {in, false};
    it_bytes name, value;
    size_t left = in.n + 1;
    for (int item; (item = it_http_auth_next(&r, &name, &value)) > 0;) {
        MUST(r.rest.n < left); /* it gets on */
        left = r.rest.n;
        MUST(item == IT_HTTP_AUTH_SCHEME || (value.p >= in.p && value.p + value.n <= in.p + in.n));
    }
}

static void answer(const it_http_challenge *c)
{
    char value[IT_HTTP_AUTH_VALUE], head[IT_HTTP_AUTH_VALUE + 64];
    it_http_credentials back;
    it_http_challenge again;
    MUST(it_http_credentials_write(c, &LOGIN, value, sizeof value) > 0);
    MUST(it_http_credentials_read(it_bytes_str(value), &back) == 0);
    MUST(back.scheme == c->scheme);
    MUST(it_http_credentials_prove(&back, "alice", "secret", c->realm, "CONNECT"));
    MUST(!it_http_credentials_prove(&back, "alice", "Secret", c->realm, "CONNECT"));
    MUST(it_http_challenge_write(c, value, sizeof value) > 0);
    snprintf(head, sizeof head, "HTTP/1.1 407 No\r\nA: %s\r\n\r\n", value);
    MUST(it_http_challenge_choose(it_bytes_str(head), "A", &again));
    MUST(again.scheme == c->scheme && strcmp(again.realm, c->realm) == 0 && strcmp(again.nonce, c->nonce) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz f = {data, n};
    bool credentials = fuzz_u8(&f) & 1;
    uint8_t *exact = fuzz_exact(it_bytes_of(f.p, f.n));
    it_bytes in = it_bytes_of(exact, f.n);
    it_http_credentials c;
    it_http_challenge ch;
    it_http_response r;
    read_items(in);
    if (credentials && it_http_credentials_read(in, &c) == 0)
        MUST(!it_http_credentials_prove(&c, "nobody", "knows-this-7f3a", "tank", "CONNECT"));
    else if (!credentials && it_http_response_parse(in, &r) == 0 && it_http_challenge_choose(in, "A", &ch))
        answer(&ch);
    free(exact);
    return 0;
}
