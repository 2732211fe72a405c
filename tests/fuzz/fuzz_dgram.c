/* A relay by UDP, from strangers: pieces of bytes, each a datagram from one of four addresses; the first byte of a
 * piece says from which, and whether it is to be a JOIN with the cookie that this address was sent last. Whatever
 * comes: who has proved nothing is sent no more than he sent, no more links are kept than there may be, and nothing is
 * left allocated. Words are written again as they were read. */
#include "tests/fuzz/fuzz.h"

#include "stack/wsrelay/dgram.h"
#include "stack/wsrelay/server.h"

enum { CLIENTS = 4, LINKS = 3 };

typedef struct run {
    it_wsrelay_server *s;
    it_time now;
    uint8_t cookie[CLIENTS][IT_WSRELAY_COOKIE];
} run;

static it_addr client(int i)
{
    return (it_addr){it_ip4(0xc0000201u + (uint32_t)i), 1000};
}

static void drain(run *r, size_t most)
{
    uint8_t buf[IT_IO_DGRAM_MAX];
    it_io out;
    it_wsrelay_word w;
    for (int n; (n = it_wsrelay_server_ops.output(r->s, r->now, &out, buf, sizeof buf)) != 0;) {
        MUST(n == 1 && out.kind == IT_IO_DGRAM);
        MUST(it_wsrelay_word_read(out.data, &w) == 0);
        MUST(w.type == IT_WSRELAY_CARRY || w.type == IT_WSRELAY_IN || out.data.n <= most);
        for (int i = 0; i < CLIENTS; i++)
            if (w.type == IT_WSRELAY_COOKIED && it_addr_eq(out.remote, client(i)))
                memcpy(r->cookie[i], w.cookie, sizeof w.cookie);
    }
    MUST(it_wsrelay_server_stat(r->s)->connections <= LINKS);
}

static void check_word(it_bytes data)
{
    uint8_t again[IT_IO_DGRAM_MAX];
    it_wsrelay_word w;
    if (data.n > sizeof again || it_wsrelay_word_read(data, &w) < 0)
        return;
    int n = it_wsrelay_word_write(&w, again, sizeof again);
    MUST(n == (int)data.n && memcmp(again, data.p, data.n) == 0);
}

static void say(run *r, int who, it_bytes data)
{
    it_io in = {.kind = IT_IO_DGRAM, .remote = client(who), .data = data};
    check_word(data);
    MUST(it_wsrelay_server_ops.input(r->s, r->now, &in) == (int)data.n);
    drain(r, data.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    it_alloc a;
    it_wsrelay_server_cfg cfg = {.alloc = &a, .connections = LINKS};
    run r = {.now = IT_SEC};
    it_alloc_init(&a);
    it_rng_init(&cfg.rng, 1, "relay");
    r.s = it_wsrelay_server_new(&cfg);
    MUST(r.s);
    for (size_t at = 0; at + 2 <= n;) {
        uint8_t piece[256], how = data[at];
        size_t len = data[at + 1] < n - at - 2 ? data[at + 1] : n - at - 2;
        memcpy(piece, data + at + 2, len);
        if (how & 4 && len >= 4 + IT_WSRELAY_COOKIE)
            memcpy(piece + 4, r.cookie[how & 3], IT_WSRELAY_COOKIE);
        say(&r, how & 3, it_bytes_of(piece, len));
        at += 2 + len;
        r.now += how & 8 ? 10 * IT_SEC : IT_MS;
        MUST(it_wsrelay_server_ops.tick(r.s, r.now) == 0);
        drain(&r, 0);
    }
    it_wsrelay_server_ops.free(r.s);
    MUST(a.live == 0);
    return 0;
}
