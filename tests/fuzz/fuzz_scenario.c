/* The scenario loader and a short run: any text gives a plan or one line of reasons, every planned case ends with a
 * verdict.
 *
 * Instructions and virtual time are bounded far below what a real case may take. The same case twice gives the same
 * bytes. */
#include "lab/lang/bind/script.h"
#include "stack/crypto/ossl.h"
#include "tests/fuzz/fuzz.h"

#define CASES 2 /* of an input that are run */

static it_profiles *profiles;
static it_dtls_shared *shared;
static it_alloc outside;

static void once(void)
{
    char err[IT_PROFILE_ERR];
    if (profiles)
        return;
    it_alloc_init(&outside);
    MUST(it_ossl_init() == 0);
    MUST((profiles = it_profiles_builtin(&outside, err)) && (shared = it_dtls_shared_new(&outside)));
}

static it_script *script(it_alloc *mem)
{
    it_script_cfg cfg = {.alloc = mem,
                         .profiles = profiles,
                         .shared = shared,
                         .seed = 1,
                         .lib_dir = "/nonexistent",
                         .budget = 300000,
                         .budget_in_all = 3000000,
                         .limit = 3 * IT_SEC};
    it_script *s = it_script_new(&cfg);
    MUST(s);
    return s;
}

static void run(it_alloc *mem, const it_case *c, it_bytes text, it_str *out)
{
    it_json j;
    char verdict[16] = "";
    it_script *s = script(mem);
    it_json_init(&j, out);
    it_json_obj(&j, NULL);
    MUST(it_script_run(s, c, text, &j, verdict) == 0 && *verdict);
    it_json_hex64(&j, "fingerprint", it_script_fingerprint(s));
    it_json_end_obj(&j);
    it_script_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    it_plan plan;
    char err[512] = "";
    it_bytes text = it_bytes_of(data, size);
    once();
    it_alloc_init(&mem);
    it_plan_init(&plan, &mem);
    it_script *s = script(&mem);
    int rc = it_script_plan(s, &plan, text, "fuzz.lua", "fuzz", err);
    MUST(rc == 0 || (*err && strlen(err) < sizeof err && !strchr(err, '\n')));
    it_script_free(s);
    for (size_t i = 0; i < plan.n && i < CASES; i++) {
        it_str a, b;
        it_case c;
        MUST(it_plan_case(&plan, i, &c) == 0);
        it_str_init(&a, &mem);
        it_str_init(&b, &mem);
        run(&mem, &c, text, &a);
        if (i == 0) {
            run(&mem, &c, text, &b);
            MUST(a.n == b.n && memcmp(a.p, b.p, a.n) == 0);
        }
        it_str_fini(&a);
        it_str_fini(&b);
        it_case_fini(&mem, &c);
    }
    it_plan_fini(&plan);
    MUST(mem.live == 0);
    return 0;
}
