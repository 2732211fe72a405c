/* The reader of results.jsonl and the converters behind it: any file gives documents or one line of reasons. */
#include "reports/read/results.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    it_results r;
    it_str html, junit;
    char path[64], err[512] = "";
    int fd = memfd_create("results", 0);
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    it_alloc_init(&mem);
    if (it_results_read(&r, &mem, path, err) == 0) {
        it_str_init(&html, &mem);
        it_str_init(&junit, &mem);
        it_report_html(&r, &html);
        it_report_junit(&r, &junit);
        MUST(html.n && junit.n && !html.oom && !junit.oom);
        it_str_fini(&html);
        it_str_fini(&junit);
    } else {
        MUST(*err);
    }
    it_results_free(&r);
    MUST(mem.live == 0);
    close(fd);
    return 0;
}
