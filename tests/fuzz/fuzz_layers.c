/* Layers over a stream: HTTP messages of either role, RFC 4571 frames, and frames in the tunnel that an upgrade opens.
 *
 * The first byte chooses: bits 0-1 the layers. The rest is what comes, in pieces of a byte's length each; a piece of
 * length 0 lets the application write. However the bytes are cut, the application reads the same: a second stack that
 * takes everything in one piece must agree. No message is larger than agreed, input takes no more than it is given, and
 * nothing is left allocated. */
#include "tests/fuzz/fuzz.h"

#include "base/rng.h"
#include "stack/http/message.h"
#include "stack/stream/layers.h"
#include "stack/stream/rfc4571.h"

#include <string.h>

#define LARGEST 500

typedef struct end {
    it_alloc alloc;
    it_stream s;
    it_layers ls;
    uint64_t read; /* hash of what the application has read */
    bool over;
} end;

static void push_layers(end *e, unsigned how)
{
    if (how == 3)
        MUST(it_layers_push(&e->ls, it_rfc4571(&e->alloc, LARGEST)) == 0);
    else
        MUST(it_layers_push(&e->ls, it_http_messages(&e->alloc, how & 1 ? IT_HTTP_SERVER : IT_HTTP_CLIENT, LARGEST)) ==
             0);
    if (how == 2)
        MUST(it_layers_push(&e->ls, it_rfc4571(&e->alloc, LARGEST)) == 0);
}

static void read_all(end *e)
{
    static uint8_t buf[IT_LAYER_MESSAGE];
    it_io out;
    while (it_layers_read(&e->ls, 0, &out, buf, sizeof buf) > 0) {
        MUST(!e->over);
        e->over = out.kind == IT_IO_RST;
        MUST(out.data.n <= IT_HTTP_HEAD_MAX + LARGEST || e->ls.n == 1);
        for (size_t i = 0; i < out.data.n; i++)
            e->read = it_hash_mix(e->read, buf[i]);
    }
    while (it_layers_output(&e->ls, 0, &out, buf, sizeof buf) > 0)
        MUST(out.data.n <= sizeof buf);
}

/* Offers |data| until it is taken or nothing more is. */
static void give(end *e, it_bytes data)
{
    size_t at = 0;
    for (int n = 1; n > 0 && at < data.n; at += (size_t)n) {
        n = it_layers_input(&e->ls, 0, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_of(data.p + at, data.n - at)});
        MUST(n >= 0 && (size_t)n <= data.n - at);
        read_all(e);
    }
}

static void say(end *e, it_bytes message)
{
    MUST(it_layers_write(&e->ls, 0, &(it_io){.kind = IT_IO_DATA, .data = message}) <= (int)message.n);
    read_all(e);
}

static void begin(end *e, unsigned how)
{
    it_io in = {.kind = IT_IO_ACCEPTED, .flow = 3, .data = {NULL, 100000000}};
    memset(e, 0, sizeof *e);
    it_alloc_init(&e->alloc);
    it_layers_init(&e->ls, &e->alloc, &e->s);
    push_layers(e, how);
    it_stream_accept(&e->s, &in);
    MUST(it_layers_input(&e->ls, 0, &in) == 0);
    read_all(e);
    if (!(how & 1))
        say(e, it_bytes_str("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
}

static void finish(end *e)
{
    MUST(it_layers_input(&e->ls, 0, &(it_io){.kind = IT_IO_FIN}) >= 0);
    read_all(e);
    it_layers_fini(&e->ls);
    MUST(e->alloc.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static end pieces, whole;
    static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    fuzz f = {data, n};
    unsigned how = fuzz_u8(&f) & 3;
    bool spoke = false;
    uint8_t all[4096];
    size_t n_all = 0;
    begin(&pieces, how);
    begin(&whole, how);
    while (f.n > 0) {
        it_bytes piece = fuzz_bytes(&f);
        spoke = spoke || piece.n == 0;
        if (piece.n == 0)
            say(&pieces, it_bytes_str(OK));
        give(&pieces, piece);
        if (n_all + piece.n > sizeof all)
            break;
        if (piece.n)
            memcpy(all + n_all, piece.p, piece.n);
        n_all += piece.n;
    }
    give(&whole, it_bytes_of(all, n_all));
    MUST(spoke || n_all + 2047 > sizeof all || how == 1 || pieces.read == whole.read);
    finish(&pieces);
    finish(&whole);
    return 0;
}
