/* Finding scenario files, planning them, choosing cases. */
#include "lab/run.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool it_run_match(const char *glob, const char *id)
{
    for (; *glob; glob++, id++) {
        if (*glob == '*') {
            bool deep = glob[1] == '*';
            const char *rest = glob + (deep ? 2 : 1);
            for (;; id++) {
                if (it_run_match(rest, id))
                    return true;
                if (!*id || (*id == '/' && !deep))
                    return false;
            }
        }
        if (*glob != *id)
            return false;
    }
    return !*id;
}

void it_run_case_file(const char *id, const char *ext, char *out, size_t cap)
{
    snprintf(out, cap, "cases/%s.%s", id, ext);
    for (char *p = out + strlen("cases/"); *p; p++)
        if (*p == '/')
            *p = ',';
}

/* The whole file as a string; NULL with a message. */
static char *slurp(it_alloc *a, const char *path, size_t *n, char err[512])
{
    FILE *f = fopen(path, "rb");
    it_str s;
    char buf[65536];
    if (!f) {
        snprintf(err, 512, "%s: %s", path, strerror(errno));
        return NULL;
    }
    it_str_init(&s, a);
    it_str_put(&s, "", 0);
    for (size_t k; (k = fread(buf, 1, sizeof buf, f)) > 0;)
        it_str_put(&s, buf, k);
    bool bad = ferror(f);
    fclose(f);
    if (bad || s.oom) {
        snprintf(err, 512, "%s: %s", path, bad ? strerror(errno) : "out of memory");
        it_str_fini(&s);
        return NULL;
    }
    *n = s.n;
    return s.p;
}

/* What ids begin with: the path below "scenarios/" without ".lua", or the file's own name. */
static void stem_of(const char *path, char *out, size_t cap)
{
    const char *at = path, *p;
    while ((p = strstr(at, "scenarios/")))
        at = p + strlen("scenarios/");
    if (at == path && strrchr(path, '/'))
        at = strrchr(path, '/') + 1;
    snprintf(out, cap, "%s", at);
    size_t n = strlen(out);
    if (n > 4 && strcmp(out + n - 4, ".lua") == 0)
        out[n - 4] = '\0';
}

static void lib_dir_of(const char *path, char *out, size_t cap)
{
    const char *at = strstr(path, "scenarios/");
    int n = at ? (int)(at - path) + 9 : strrchr(path, '/') ? (int)(strrchr(path, '/') - path) : 1;
    snprintf(out, cap, "%.*s/lib", n, at || strrchr(path, '/') ? path : ".");
}

static int plan_file(const it_run_cfg *cfg, const it_profiles *profiles, it_plan *plan, const char *path, char err[512])
{
    size_t n;
    char stem[512], lib[4096];
    char *text = slurp(cfg->alloc, path, &n, err);
    if (!text)
        return IT_ERR_IO;
    stem_of(path, stem, sizeof stem);
    lib_dir_of(path, lib, sizeof lib);
    it_script_cfg sc = {.alloc = cfg->alloc, .profiles = (it_profiles *)(uintptr_t)profiles, .seed = cfg->seed, .lib_dir = lib};
    it_script *s = it_script_new(&sc);
    int rc = s ? it_script_plan(s, plan, it_bytes_of(text, n), path, stem, err) : IT_ERR_NOMEM;
    if (!s)
        snprintf(err, 512, "out of memory");
    it_script_free(s);
    it_free(cfg->alloc, text);
    return rc;
}

static int only_lua(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* Files below |path| in order of name; a folder called lib holds libraries, not scenarios. */
static int plan_path(const it_run_cfg *cfg, const it_profiles *profiles, it_plan *plan, const char *path, char err[512])
{
    struct stat st;
    if (stat(path, &st) < 0) {
        snprintf(err, 512, "%s: %s", path, strerror(errno));
        return IT_ERR_IO;
    }
    if (!S_ISDIR(st.st_mode))
        return plan_file(cfg, profiles, plan, path, err);
    struct dirent **list;
    int n = scandir(path, &list, only_lua, alphasort), rc = 0;
    if (n < 0) {
        snprintf(err, 512, "%s: %s", path, strerror(errno));
        return IT_ERR_IO;
    }
    for (int i = 0; i < n; i++) {
        char sub[4096];
        const char *name = list[i]->d_name;
        size_t k = strlen(name), p = strlen(path);
        snprintf(sub, sizeof sub, "%.*s/%s", (int)(p && path[p - 1] == '/' ? p - 1 : p), path, name);
        bool lua = k > 4 && strcmp(name + k - 4, ".lua") == 0;
        if (rc == 0 && strcmp(name, "lib") != 0 && (lua || (stat(sub, &st) == 0 && S_ISDIR(st.st_mode))))
            rc = plan_path(cfg, profiles, plan, sub, err);
        free(list[i]);
    }
    free(list);
    return rc;
}

static void case_drop(it_plan *p, size_t i)
{
    it_plan one = {.alloc = p->alloc, .n = 1, .cap = 1};
    one.v = it_malloc(p->alloc, sizeof *one.v);
    if (one.v) {
        *one.v = p->v[i];
        it_plan_fini(&one);
    }
    memmove(&p->v[i], &p->v[i + 1], (p->n - i - 1) * sizeof *p->v);
    p->n--;
}

static int check_ids(const it_plan *plan, char err[512])
{
    for (size_t i = 0; i < plan->n; i++)
        for (size_t k = i + 1; k < plan->n && k < i + 2000; k++)
            if (strcmp(plan->v[i].id, plan->v[k].id) == 0) {
                snprintf(err, 512, "%s: two cases are called %s", plan->v[k].file, plan->v[k].id);
                return IT_ERR_EXISTS;
            }
    return 0;
}

/* True when one of the globs names |id|. */
static bool chosen(const it_run_cfg *cfg, const char *id)
{
    for (int k = 0; k < cfg->n_only; k++)
        if (it_run_match(cfg->only[k], id))
            return true;
    return false;
}

int it_run_plan(const it_run_cfg *cfg, it_plan *plan, char err[512])
{
    char why[IT_PROFILE_ERR];
    it_profiles *profiles = it_profiles_builtin(cfg->alloc, why);
    if (!profiles) {
        snprintf(err, 512, "%s", why);
        return IT_ERR_PARSE;
    }
    int rc = 0;
    for (int i = 0; i < cfg->n_paths && rc == 0; i++)
        rc = plan_path(cfg, profiles, plan, cfg->paths[i], err);
    it_profiles_free(profiles);
    if (rc == 0)
        rc = check_ids(plan, err);
    for (size_t i = plan->n; rc == 0 && cfg->n_only > 0 && i-- > 0;)
        if (!chosen(cfg, plan->v[i].id))
            case_drop(plan, i);
    return rc;
}
