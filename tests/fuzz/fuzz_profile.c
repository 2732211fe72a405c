/* The profile loader: any text gives profiles or one line of reasons. Every box that is said to be possible can be
 * made. */
#include "lab/profile/profile.h"
#include "tests/fuzz/fuzz.h"

static void make_boxes(it_alloc *mem, const it_profiles *ps)
{
    it_world *w = it_world_new(&(it_world_cfg){mem, 1});
    MUST(w);
    for (size_t i = 0; i < it_profiles_count(ps, IT_PROFILE_NAT) && i < 8; i++) {
        const it_profile *p = it_profiles_nth(ps, IT_PROFILE_NAT, i);
        char name[8];
        snprintf(name, sizeof name, "n%zu", i);
        it_ip out = it_ip4(0xc6336401);
        if (p->unsupported || it_nat_profile_fault(&p->u.nat))
            continue;
        it_nat *nat = it_nat_new(w, name, &p->u.nat);
        MUST(nat);
        (void)(it_nat_inside(nat, it_ip4(0x0a000001), 24) + it_nat_outside(nat, &out, 1, (it_ip){0, 0}));
    }
    for (size_t i = 0; i < it_profiles_count(ps, IT_PROFILE_FIREWALL) && i < 8; i++) {
        const it_profile *p = it_profiles_nth(ps, IT_PROFILE_FIREWALL, i);
        char name[8];
        snprintf(name, sizeof name, "f%zu", i);
        if (!p->unsupported && !it_fw_profile_fault(&p->u.fw.fw))
            MUST(it_fw_new(w, name, &p->u.fw.fw));
    }
    it_world_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    it_alloc mem;
    char err[IT_PROFILE_ERR] = "";
    it_alloc_init(&mem);
    it_profiles *ps = it_profiles_load(&mem, (const char *)data, size, err);
    if (ps)
        make_boxes(&mem, ps);
    else
        MUST(*err && strlen(err) < sizeof err && !strchr(err, '\n'));
    it_profiles_free(ps);
    MUST(mem.live == 0);
    return 0;
}
