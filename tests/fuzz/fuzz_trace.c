/* The reader of trace.jsonl, the page of a case and the text ladder behind it: any file gives both, without a control
 * character in the text, or one line of reasons. */
#include "reports/html/html.h"
#include "reports/report.h"
#include "reports/text/text.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char RESULT[] =
    "{\"case\":\"x/"
    "model=B\",\"verdict\":\"fail\",\"title\":\"t\",\"model\":\"B\",\"cell\":{\"model\":\"B\"},\"t_end\":20000000000,"
    "\"events\":[{\"end\":\"near\",\"name\":\"open\",\"t\":1},{\"end\":\"far\",\"name\":\"death\",\"t\":9,\"reason\":"
    "\"x\"}],"
    "\"faults\":[{\"t\":5,\"what\":\"cut\",\"text\":\"cut\"}],\"outcome\":\"open\"}";

static void draw_text(it_alloc *mem, const char *path)
{
    char err[512] = "", *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    MUST(out);
    int rc = it_ladder_text(mem, path, out, err);
    MUST(fclose(out) == 0);
    MUST(rc == 0 ? n > 0 : *err != '\0');
    for (size_t i = 0; i < n; i++)
        MUST(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    it_rtrace t;
    it_view w;
    char path[64], err[512] = "";
    const char *ends[2] = {"near", "far"};
    int fd = memfd_create("trace", 0);
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    it_alloc_init(&mem);
    json_t *line = json_loads(RESULT, 0, NULL);
    it_results r = {.alloc = &mem, .v = &line, .n = 1};
    MUST(line && it_view_init(&w, &mem, &r) == 0);
    if (it_rtrace_read(&t, &mem, path, ends, err) == 0) {
        it_str page;
        it_str_init(&page, &mem);
        it_html_case(&w, &w.v[0], &t, &page);
        MUST(page.n && !page.oom);
        it_str_fini(&page);
    } else {
        MUST(*err);
    }
    it_rtrace_fini(&t);
    draw_text(&mem, path);
    it_view_fini(&w);
    json_decref(line);
    MUST(mem.live == 0);
    close(fd);
    return 0;
}
