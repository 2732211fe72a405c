/* Finding scenario files and planning them. */
#include "lab/run/impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A folder on the way down, to notice a link that leads back to it. */
typedef struct above {
    dev_t dev;
    ino_t ino;
    const struct above *up;
} above;

/* A file that is planned already, under the ids that begin with |stem|. */
typedef struct planned {
    dev_t dev;
    ino_t ino;
    char *stem;
} planned;

/* A walk over files and folders. */
typedef struct walk {
    const it_run_cfg *cfg;
    it_profiles *profiles;
    it_code *code;
    it_plan *plan;
    const above *above; /* the folders we are in */
    planned *files;
    size_t n_files, cap_files;
} walk;

/* Notes that the file |st| is planned under |stem|. Returns 0, IT_ERR_EXISTS when it was before, by another path that
 * names the same cases, or IT_ERR_NOMEM. */
static int note_file(walk *w, const struct stat *st, const char *stem)
{
    for (size_t i = 0; i < w->n_files; i++) {
        const planned *f = &w->files[i];
        if (f->dev == st->st_dev && f->ino == st->st_ino && strcmp(f->stem, stem) == 0)
            return IT_ERR_EXISTS;
    }
    char *copy = it_strdup(w->cfg->alloc, stem);
    if (!copy || it_grow(w->cfg->alloc, &w->files, &w->cap_files, w->n_files + 1, sizeof *w->files) < 0) {
        it_free(w->cfg->alloc, copy);
        return IT_ERR_NOMEM;
    }
    w->files[w->n_files++] = (planned){st->st_dev, st->st_ino, copy};
    return 0;
}

static void forget_planned(walk *w)
{
    for (size_t i = 0; i < w->n_files; i++)
        it_free(w->cfg->alloc, w->files[i].stem);
    it_free(w->cfg->alloc, w->files);
}

/* Plans the file |st| at |path|, unless it is planned already. */
static int plan_file(walk *w, const char *path, const struct stat *st, char err[IT_RUN_ERR])
{
    size_t n;
    char stem[2048], lib[4096];
    const it_run_cfg *cfg = w->cfg;
    if (!it_run_stem(path, stem, sizeof stem)) {
        snprintf(
            err, IT_RUN_ERR,
            "%s: case ids begin with the name of the file: it keeps to A-Z a-z 0-9 . _ + %% - and is below 2000 bytes",
            path);
        return IT_ERR_PARSE;
    }
    int known = note_file(w, st, stem);
    if (known == IT_ERR_EXISTS)
        return 0;
    if (known < 0) {
        snprintf(err, IT_RUN_ERR, "%s", it_err_str(known));
        return known;
    }
    char *text = it_run_slurp(cfg->alloc, path, &n, err);
    if (!text)
        return IT_ERR_IO;
    if (it_plan_keep(w->plan, text) < 0) {
        snprintf(err, IT_RUN_ERR, "%s", it_err_str(IT_ERR_NOMEM));
        return IT_ERR_NOMEM;
    }
    it_run_lib_dir(path, lib, sizeof lib);
    it_script_cfg sc = {
        .alloc = cfg->alloc, .profiles = w->profiles, .code = w->code, .seed = cfg->seed, .lib_dir = lib};
    it_script *s = it_script_new(&sc);
    int rc = s ? it_script_plan(s, w->plan, it_bytes_of(text, n), path, stem, err) : IT_ERR_NOMEM;
    if (!s)
        snprintf(err, IT_RUN_ERR, "%s", it_err_str(rc));
    it_script_free(s);
    return rc;
}

static int not_hidden(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

/* By bytes: the order does not hang on the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int io_error(const char *path, char err[IT_RUN_ERR])
{
    snprintf(err, IT_RUN_ERR, "%s: %s", path, strerror(errno));
    return IT_ERR_IO;
}

static int plan_path(walk *w, const char *path, bool named, char err[IT_RUN_ERR]);

/* The files of folder |path| in order of name; a folder called lib holds libraries, not scenarios. */
static int plan_folder(walk *w, const char *path, char err[IT_RUN_ERR])
{
    struct dirent **list;
    int n = scandir(path, &list, not_hidden, by_bytes), rc = 0;
    size_t p = strlen(path);
    if (n < 0)
        return io_error(path, err);
    while (p > 1 && path[p - 1] == '/')
        p--;
    for (int i = 0; i < n; i++) {
        char sub[4096];
        if (rc == 0 && strcmp(list[i]->d_name, "lib") != 0) {
            if (snprintf(sub, sizeof sub, "%.*s/%s", (int)p, path, list[i]->d_name) < (int)sizeof sub) {
                rc = plan_path(w, sub, false, err);
            } else {
                snprintf(err, IT_RUN_ERR, "%.*s: the path is too long", 400, path);
                rc = IT_ERR_IO;
            }
        }
        free(list[i]);
    }
    free(list);
    return rc;
}

/* True when the folder |st| is one of those above. */
static bool leads_back(const walk *w, const struct stat *st)
{
    for (const above *a = w->above; a; a = a->up)
        if (a->dev == st->st_dev && a->ino == st->st_ino)
            return true;
    return false;
}

/* A file or folder. One that was |named| on the command line is a scenario whatever it is called; below a folder only
 * *.lua is. */
static int plan_path(walk *w, const char *path, bool named, char err[IT_RUN_ERR])
{
    struct stat st;
    size_t n = strlen(path);
    bool wanted = named || (n > 4 && strcmp(path + n - 4, ".lua") == 0);
    if (stat(path, &st) < 0)
        return wanted ? io_error(path, err) : 0; /* a dangling link to something else is nobody's business */
    if (!S_ISDIR(st.st_mode)) {
        if (wanted && (named || S_ISREG(st.st_mode)))
            return plan_file(w, path, &st, err);
        return 0;
    }
    if (leads_back(w, &st)) {
        snprintf(err, IT_RUN_ERR, "%s: a link that leads back to a folder it is in", path);
        return IT_ERR_IO;
    }
    above here = {st.st_dev, st.st_ino, w->above};
    w->above = &here;
    int rc = plan_folder(w, path, err);
    w->above = here.up;
    return rc;
}

bool it_run_file_of(const char *root, const char *id, char *out, size_t cap)
{
    for (size_t n = strlen(id); n > 0; n--) {
        struct stat st;
        if (id[n] != '\0' && id[n] != '/' && id[n] != '@')
            continue;
        if (snprintf(out, cap, "%s/%.*s.lua", root, (int)n, id) < (int)cap && stat(out, &st) == 0 &&
            S_ISREG(st.st_mode))
            return true;
    }
    return false;
}

int it_run_plan(const it_run_cfg *cfg, it_plan *plan, char err[IT_RUN_ERR])
{
    char why[IT_PROFILE_ERR] = "";
    walk w = {.cfg = cfg, .plan = plan, .profiles = it_profiles_builtin(cfg->alloc, why)};
    w.code = w.profiles ? it_code_new(cfg->alloc) : NULL;
    if (!w.code) {
        snprintf(err, IT_RUN_ERR, "%s", *why ? why : it_err_str(IT_ERR_NOMEM));
        it_profiles_free(w.profiles);
        return *why ? IT_ERR_PARSE : IT_ERR_NOMEM;
    }
    int rc = 0;
    for (int i = 0; i < cfg->n_paths && rc == 0; i++)
        rc = plan_path(&w, cfg->paths[i], true, err);
    it_code_free(w.code);
    it_profiles_free(w.profiles);
    forget_planned(&w);
    if (rc == 0)
        rc = it_run_select(cfg, plan, err);
    return rc;
}
