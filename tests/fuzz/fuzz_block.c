/* Blocks of blobs: any lines are taken or refused, and what is taken comes back as it was when it is written again. */
#include "lab/itp/block.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    it_block_reader r;
    it_str blob, text;
    it_alloc_init(&mem);
    it_block_init(&r, &mem);
    it_str_init(&blob, &mem);
    it_str_init(&text, &mem);
    for (size_t at = 0; at < size;) {
        const uint8_t *nl = memchr(data + at, '\n', size - at);
        size_t n = nl ? (size_t)(nl - data) - at : size - at;
        int rc = it_block_line(&r, it_bytes_of(data + at, n), &blob);
        MUST(rc == IT_BLOCK_NONE || rc == IT_BLOCK_PART || rc == IT_BLOCK_WHOLE || rc == IT_ERR_PARSE ||
             rc == IT_ERR_TOOBIG);
        MUST(rc == IT_BLOCK_WHOLE || blob.n == 0);
        if (rc == IT_BLOCK_WHOLE)
            it_block_write(&text, it_bytes_of(blob.p, blob.n));
        it_str_clear(&blob);
        at += n + 1;
    }
    it_str_fini(&text);
    it_str_fini(&blob);
    it_block_fini(&r);
    MUST(mem.live == 0);
    return 0;
}
