/* Reading capture files. */
#include "conformance/passive/read/source.h"

#include "conformance/passive/read/packet.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#define NAME 64

typedef struct iface {
    char name[NAME];
} iface;

struct it_passive_source {
    it_alloc *alloc;
    char path[256];
    pcap_t *pcap;
    FILE *blocks; /* the same file, when it is pcapng; NULL: all is of one interface */
    bool big;     /* its byte order */
    int base;     /* interfaces of the sections before */
    size_t n_taps, cap;
    iface *tap;
    uint64_t frame;
    it_time first;
    bool any;
};

/* --- blocks of pcapng: draft-ietf-opsawg-pcapng section 4 --- */

#define SECTION 0x0A0D0D0Au
#define INTERFACE 1u
#define PACKET 2u
#define SIMPLE 3u
#define ENHANCED 6u
#define IF_NAME 2

static uint32_t num(const it_passive_source *s, const uint8_t *p, size_t n)
{
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[s->big ? i : n - 1 - i];
    return v;
}

/* Notes the interface whose block has |n| bytes in |b|. */
static int block_interface(it_passive_source *s, const uint8_t *b, size_t n)
{
    if (it_grow(s->alloc, &s->tap, &s->cap, s->n_taps + 1, sizeof *s->tap) < 0)
        return IT_ERR_NOMEM;
    iface *t = &s->tap[s->n_taps++];
    t->name[0] = '\0';
    for (size_t at = 8; at + 4 <= n;) {
        size_t code = num(s, b + at, 2), size = num(s, b + at + 2, 2);
        if (code == 0 || at + 4 + size > n)
            break;
        if (code == IF_NAME)
            snprintf(t->name, NAME, "%.*s", (int)(size < NAME ? size : NAME - 1), (const char *)b + at + 4);
        at += 4 + ((size + 3) & ~(size_t)3);
    }
    return 0;
}

/* A block of the file: its type, and the beginning of its body, of |n| bytes without the length that ends it. */
typedef struct block {
    uint32_t type;
    size_t n;
    uint8_t body[4096];
} block;

/* Reads the next block; false at the end, or where there is none. */
static bool next_block(it_passive_source *s, block *b)
{
    uint8_t head[12];
    size_t had = 8;
    if (fread(head, 1, 8, s->blocks) != 8)
        return false;
    b->type = num(s, head, 4);
    if (b->type == SECTION) { /* its own byte order comes before its length is known */
        if (fread(head + 8, 1, 4, s->blocks) != 4)
            return false;
        s->big = it_get32(head + 8) == 0x1A2B3C4D;
        had = 12;
    }
    size_t size = num(s, head + 4, 4);
    if (size < had + 4)
        return false;
    size_t left = size - had, want = left < sizeof b->body ? left : sizeof b->body;
    if (fread(b->body, 1, want, s->blocks) != want)
        return false;
    b->n = want == left ? want - 4 : want;
    return fseek(s->blocks, (long)(left - want), SEEK_CUR) == 0;
}

/* Steps to the next packet's block: its interface, 0 when the file says no more. */
static int next_tap(it_passive_source *s)
{
    block b;
    while (s->blocks && next_block(s, &b)) {
        if (b.type == SECTION)
            s->base = (int)s->n_taps;
        if (b.type == INTERFACE && block_interface(s, b.body, b.n) < 0)
            return 0;
        if (b.type == ENHANCED)
            return s->base + (int)num(s, b.body, 4);
        if (b.type == PACKET)
            return s->base + (int)num(s, b.body, 2);
        if (b.type == SIMPLE)
            return s->base;
    }
    return 0;
}

/* --- --- */

static void fail(const it_passive_source *s, char err[512], const char *what)
{
    snprintf(err, 512, "%.200s: %.250s", s->path, what);
}

/* A second look at |path|, for its blocks, when it is pcapng; NULL when it is not. */
static FILE *open_blocks(const char *path)
{
    uint8_t magic[4] = {0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    if (fread(magic, 1, 4, f) != 4 || it_get32(magic) != SECTION) {
        fclose(f);
        return NULL;
    }
    rewind(f);
    return f;
}

it_passive_source *it_passive_open(it_alloc *alloc, const char *path, char err[512])
{
    char why[PCAP_ERRBUF_SIZE] = "";
    bool in = strcmp(path, "-") == 0;
    it_passive_source *s = it_calloc(alloc, 1, sizeof *s);
    if (!s) {
        snprintf(err, 512, "%s", it_err_str(IT_ERR_NOMEM));
        return NULL;
    }
    s->alloc = alloc;
    snprintf(s->path, sizeof s->path, "%s", in ? "standard input" : path);
    FILE *f = in ? stdin : fopen(path, "rb");
    if (!f)
        snprintf(why, sizeof why, "%s", strerror(errno));
    else
        s->pcap = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, why);
    if (!s->pcap) {
        fail(s, err, why);
        if (f && !in)
            fclose(f);
        it_free(alloc, s);
        return NULL;
    }
    s->blocks = in ? NULL : open_blocks(path);
    return s;
}

void it_passive_close(it_passive_source *s)
{
    if (!s)
        return;
    pcap_close(s->pcap);
    if (s->blocks)
        fclose(s->blocks);
    it_free(s->alloc, s->tap);
    it_free(s->alloc, s);
}

int it_passive_next(it_passive_source *s, it_passive_packet *k, const char **why, char err[512])
{
    struct pcap_pkthdr *head;
    const u_char *data;
    int rc = pcap_next_ex(s->pcap, &head, &data);
    if (rc == PCAP_ERROR_BREAK)
        return 0;
    if (rc != 1) {
        fail(s, err, pcap_geterr(s->pcap));
        return IT_ERR_PARSE;
    }
    it_time at = (it_time)head->ts.tv_sec * IT_SEC + head->ts.tv_usec; /* ns, by the precision asked for */
    if (!s->any)
        s->first = at;
    s->any = true;
    *k = (it_passive_packet){.frame = ++s->frame, .at = at - s->first, .tap = next_tap(s)};
    size_t cut = head->len > head->caplen ? head->len - head->caplen : 0;
    *why = it_passive_decode(k, pcap_datalink(s->pcap), it_bytes_of(data, head->caplen), cut);
    return 1;
}

const char *it_passive_tap(const it_passive_source *s, int tap)
{
    return tap >= 0 && (size_t)tap < s->n_taps ? s->tap[tap].name : "";
}

int it_passive_taps(const it_passive_source *s)
{
    return s->n_taps > 0 ? (int)s->n_taps : 1;
}
