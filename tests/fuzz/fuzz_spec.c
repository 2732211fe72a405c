/* Destination specifiers of model A, and words of the rendezvous: read, written, read again, the same. */
#include "stack/a/spec.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void specifier(const char *url)
{
    static it_a_spec s, again;
    it_a_fault fault = {0, NULL};
    it_alloc mem;
    it_str out, twice;
    if (it_a_spec_read(&s, url, &fault) < 0) {
        MUST(fault.why && *fault.why && fault.at <= strlen(url));
        return;
    }
    MUST(it_rendezvous_is_name(it_bytes_str(s.name)) && s.wait <= IT_A_WAIT);
    it_alloc_init(&mem);
    it_str_init(&out, &mem);
    it_str_init(&twice, &mem);
    it_a_spec_write(&out, &s);
    MUST(it_a_spec_read(&again, it_str_c(&out), &fault) == 0);
    MUST(strcmp(s.name, again.name) == 0 && strcmp(s.user, again.user) == 0 && strcmp(s.password, again.password) == 0);
    MUST(s.n_stun == again.n_stun && s.n_turn == again.n_turn && s.n_web == again.n_web && s.wait == again.wait);
    MUST(s.server.port == again.server.port && s.server.secure == again.server.secure && s.poll == again.poll);
    it_a_spec_write(&twice, &again);
    MUST(out.n == twice.n && memcmp(out.p, twice.p, out.n) == 0);
    it_str_fini(&out);
    it_str_fini(&twice);
    MUST(mem.live == 0);
}

static void words(it_bytes text)
{
    it_rendezvous_words w;
    char line[IT_RENDEZVOUS_LINE];
    if (it_rendezvous_read(text, &w) < 0)
        return;
    size_t n = it_rendezvous_line(&w, line);
    MUST(n < sizeof line && w.body.n <= text.n);
    it_rendezvous_words again;
    MUST(w.body.n > 0 || it_rendezvous_read(it_bytes_of(line, n), &again) == 0);
    MUST(w.body.n > 0 || (again.verb == w.verb && again.token == w.token && again.wait == w.wait));
    MUST(w.body.n > 0 || it_bytes_eq(again.name, w.name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char url[4096];
    words(it_bytes_of(data, size));
    if (size >= sizeof url)
        return 0;
    memcpy(url, data, size);
    url[size] = '\0';
    specifier(url);
    return 0;
}
