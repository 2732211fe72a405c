/* Blobs as blocks of text. */
#include "lab/itp/block.h"

#include "lab/itp/base64.h"
#include "stack/crypto/digest.h"

#include <string.h>

#define WIDTH 64
#define CHECK 4

static const char BEGIN[] = "-----BEGIN ICETANK PEER-----", END[] = "-----END ICETANK PEER-----";

void it_block_write(it_str *out, it_bytes blob)
{
    static const it_bytes NONE = {NULL, 0};
    uint8_t sum[IT_SHA256_SIZE];
    it_str bytes, text;
    it_str_init(&bytes, out->alloc);
    it_str_init(&text, out->alloc);
    it_sha256(sum, blob, NONE, NONE);
    it_str_put(&bytes, blob.p, blob.n);
    it_str_put(&bytes, sum, CHECK);
    it_base64_write(&text, it_bytes_of(bytes.p, bytes.n));
    it_str_printf(out, "%s\n", BEGIN);
    for (size_t i = 0; i < text.n; i += WIDTH) {
        size_t n = text.n - i;
        it_str_put(out, text.p + i, n < WIDTH ? n : WIDTH);
        it_str_puts(out, "\n");
    }
    it_str_printf(out, "%s\n", END);
    out->oom |= bytes.oom || text.oom;
    it_str_fini(&text);
    it_str_fini(&bytes);
}

void it_block_init(it_block_reader *r, it_alloc *alloc)
{
    it_str_init(&r->text, alloc);
    r->state = IT_BLOCK_OUTSIDE;
}

void it_block_fini(it_block_reader *r)
{
    it_str_fini(&r->text);
}

void it_block_drop(it_block_reader *r)
{
    it_str_clear(&r->text);
    r->state = IT_BLOCK_OUTSIDE;
}

/* |line| without what mail and terminals put around it. */
static it_bytes trimmed(it_bytes line)
{
    while (line.n && (line.p[0] == ' ' || line.p[0] == '>' || line.p[0] == '\t'))
        line = it_bytes_of(line.p + 1, line.n - 1);
    while (line.n && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\t'))
        line.n--;
    return line;
}

/* Appends the blob of the whole |text|. Returns 0 or IT_ERR_PARSE, IT_ERR_NOMEM. */
static int decode(const it_str *text, it_str *blob)
{
    static const it_bytes NONE = {NULL, 0};
    uint8_t sum[IT_SHA256_SIZE];
    size_t had = blob->n;
    int err = it_base64_read(blob, it_bytes_of(text->p, text->n));
    if (err < 0 || blob->n < had + CHECK) {
        it_str_cut(blob, had);
        return err < 0 ? err : IT_ERR_PARSE;
    }
    it_bytes data = it_bytes_of(blob->p + had, blob->n - had - CHECK);
    it_sha256(sum, data, NONE, NONE);
    bool same = memcmp(sum, data.p + data.n, CHECK) == 0;
    it_str_cut(blob, same ? had + data.n : had);
    return same ? 0 : IT_ERR_PARSE;
}

/* Whether |line| has no character that base64 has not (RFC 4648 section 4). */
static bool is_base64(it_bytes line)
{
    for (size_t i = 0; i < line.n; i++)
        if (!it_base64_has(line.p[i]))
            return false;
    return true;
}

/* What is left of a block cannot be read. Returns |err|. */
static int break_block(it_block_reader *r, int err)
{
    r->state = IT_BLOCK_BROKEN;
    return err;
}

/* The block ends here. */
static int end_block(it_block_reader *r, it_str *blob)
{
    bool broken = r->state == IT_BLOCK_BROKEN;
    r->state = IT_BLOCK_OUTSIDE;
    if (broken)
        return IT_BLOCK_PART;
    int err = r->text.oom ? IT_ERR_NOMEM : decode(&r->text, blob);
    return err < 0 ? err : IT_BLOCK_WHOLE;
}

/* A line between the beginning and the end of a block that cannot be read. */
static int pass_line(it_block_reader *r, it_bytes line)
{
    if (is_base64(line))
        return IT_BLOCK_PART;
    r->state = IT_BLOCK_OUTSIDE;
    return IT_BLOCK_NONE;
}

int it_block_line(it_block_reader *r, it_bytes line, it_str *blob)
{
    line = trimmed(line);
    if (it_bytes_eq(line, it_bytes_str(BEGIN))) {
        it_str_clear(&r->text);
        r->state = IT_BLOCK_INSIDE;
        return IT_BLOCK_PART;
    }
    if (r->state == IT_BLOCK_OUTSIDE)
        return IT_BLOCK_NONE;
    if (it_bytes_eq(line, it_bytes_str(END)))
        return end_block(r, blob);
    if (r->state == IT_BLOCK_BROKEN)
        return pass_line(r, line);
    if (!is_base64(line))
        return break_block(r, IT_ERR_PARSE);
    if (r->text.n + line.n > IT_BLOCK_MAX)
        return break_block(r, IT_ERR_TOOBIG);
    it_str_put(&r->text, line.p, line.n);
    return r->text.oom ? IT_ERR_NOMEM : IT_BLOCK_PART;
}
