/* Files of users: any bytes are users or a sentence, and no user has what a wire has no room for. */
#include "lab/serve/users.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    it_users u;
    char why[IT_USERS_WHY] = "";
    int line = 0;
    it_alloc_init(&mem);
    it_users_init(&u, &mem);
    int err = it_users_read(&u, it_bytes_of(data, size), &line, why);
    MUST(err == 0 || ((err == IT_ERR_PARSE || err == IT_ERR_EXISTS) && line > 0 && *why));
    for (size_t i = 0; i < u.n; i++) {
        size_t n = strlen(u.v[i].name);
        MUST(n >= 1 && n <= 508 && !strchr(u.v[i].name, ':') && *u.v[i].password);
    }
    it_users_fini(&u);
    MUST(mem.live == 0);
    return 0;
}
