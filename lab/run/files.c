/* The runner's files and names: whole files in and out, folders, the names of a case's files, words for shells. */
#include "lab/run/impl.h"

#include "base/bytes.h"
#include "base/rng.h"
#include "base/text/file.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_PLAIN                                                                                                     \
    180 /* bytes of an id that a file name takes before it is cut: names have 255, with ".trace.jsonl.part" at the end \
         */

char *it_run_slurp(it_alloc *a, const char *path, size_t *n, char err[IT_RUN_ERR])
{
    FILE *f = fopen(path, "rb");
    it_str s;
    char buf[65536];
    if (!f) {
        snprintf(err, IT_RUN_ERR, "%s: %s", path, strerror(errno));
        return NULL;
    }
    it_str_init(&s, a);
    it_str_put(&s, "", 0);
    for (size_t k; (k = fread(buf, 1, sizeof buf, f)) > 0;)
        it_str_put(&s, buf, k);
    const char *bad = ferror(f) ? strerror(errno) : s.oom ? "out of memory" : NULL;
    fclose(f);
    if (bad) {
        snprintf(err, IT_RUN_ERR, "%s: %s", path, bad);
        it_str_fini(&s);
        return NULL;
    }
    *n = s.n;
    return s.p;
}

/* "DIR/NAME" and |tail| in |path|; false when that is longer than any path may be. */
static bool join(char path[4096], const char *dir, const char *name, const char *tail)
{
    return snprintf(path, 4096, "%s/%s%s", dir, name, tail) < 4096;
}

int it_run_write(const char *dir, const char *name, it_bytes data, char err[IT_RUN_ERR])
{
    char path[4096];
    if (join(path, dir, name, ""))
        return it_file_write(path, data, err);
    snprintf(err, IT_RUN_ERR, "%s: the path of a case's file is too long", name);
    return IT_ERR_IO;
}

void it_run_remove(const char *dir, const char *name)
{
    char path[4096];
    if (join(path, dir, name, ""))
        (void)unlink(path);
    if (join(path, dir, name, ".part"))
        (void)unlink(path);
}

/* Whether |name| ends as the files of a case do, or as what an ended worker left of one. */
static bool is_case_file(const char *name)
{
    static const char *const ENDINGS[] = {".pcapng", ".trace.jsonl", ".html", ".pcapng.part", ".trace.jsonl.part"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t k = strlen(ENDINGS[i]);
        if (n > k && strcmp(name + n - k, ENDINGS[i]) == 0)
            return true;
    }
    return false;
}

void it_run_clear(const char *dir)
{
    char path[4096];
    DIR *d = join(path, dir, "cases", "") ? opendir(path) : NULL;
    for (struct dirent *e; d && (e = readdir(d));)
        if (is_case_file(e->d_name))
            (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
}

int it_run_dirs(const char *out, char err[IT_RUN_ERR])
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/cases", out);
    if (n >= (int)sizeof path - IT_RUN_NAME) {
        snprintf(err, IT_RUN_ERR, "--out: the path is too long");
        return IT_ERR_IO;
    }
    for (char *p = path + 1;; p++) {
        if (*p && *p != '/')
            continue;
        char keep = *p;
        *p = '\0';
        int rc = mkdir(path, 0777), why = errno;
        struct stat st;
        bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        if (rc < 0 && !folder) {
            snprintf(err, IT_RUN_ERR, "%s: %s", path, strerror(why == EEXIST ? ENOTDIR : why));
            return IT_ERR_IO;
        }
        if (!keep)
            break;
        *p = keep;
    }
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        snprintf(err, IT_RUN_ERR, "%s: a symbolic link, which is not followed", path);
        return IT_ERR_IO;
    }
    if (access(path, W_OK | X_OK) == 0)
        return 0;
    snprintf(err, IT_RUN_ERR, "%s: %s", path, strerror(errno));
    return IT_ERR_IO;
}

static bool plain(const char *s)
{
    for (const char *p = s; *p; p++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+%=@/,:-", *p))
            return false;
    return *s && *s != '-';
}

void it_run_quote(it_str *out, const char *path)
{
    if (plain(path)) {
        it_str_puts(out, path);
        return;
    }
    it_str_puts(out, *path == '-' ? "./" : "");
    it_str_putc(out, '\'');
    for (const char *p = path; *p; p++)
        if (*p == '\'')
            it_str_puts(out, "'\\''");
        else
            it_str_putc(out, *p);
    it_str_putc(out, '\'');
}

void it_run_case_file(const char *id, const char *ext, char out[IT_RUN_NAME])
{
    size_t n = strlen(id);
    if (n <= NAME_PLAIN) {
        snprintf(out, IT_RUN_NAME, "cases/%s.%s", id, ext);
    } else {
        uint64_t h = it_hash_mix(0, n);
        for (const char *p = id; *p; p++)
            h = it_hash_mix(h, (uint8_t)*p);
        snprintf(out, IT_RUN_NAME, "cases/%.*s~%016" PRIx64 ".%s", NAME_PLAIN - 17, id, h, ext);
    }
    for (char *p = out + strlen("cases/"); *p; p++)
        if (*p == '/')
            *p = ',';
}

/* The folder "scenarios/" that |path| is below, with its slash: the last one; NULL when there is none. */
static const char *below_scenarios(const char *path)
{
    const char *found = NULL;
    for (const char *p = path; (p = strstr(p, "scenarios/")); p += strlen("scenarios/"))
        if (p == path || p[-1] == '/')
            found = p + strlen("scenarios/");
    return found;
}

void it_run_lib_dir(const char *path, char *out, size_t cap)
{
    const char *at = below_scenarios(path), *slash = strrchr(path, '/');
    int n = at ? (int)(at - path) - 1 : slash ? (int)(slash - path) : 1;
    snprintf(out, cap, "%.*s/lib", n, at || slash ? path : ".");
}

/* |path| without what stands before its first name: "/" and "./", any number of times. */
static const char *without_lead(const char *path)
{
    for (;;) {
        if (*path == '/')
            path++;
        else if (path[0] == '.' && path[1] == '/')
            path += 2;
        else
            return path;
    }
}

#define ID_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+%-/"

/* Appends the |n| bytes of folders at |path|; what no id may have becomes "%" and its number. */
static void put_folders(it_buf *b, const char *path, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[4];
        bool fits = strchr(ID_CHARS, path[i]) != NULL;
        int k = snprintf(text, sizeof text, fits ? "%c" : "%%%02X", (unsigned char)path[i]);
        it_buf_put(b, text, (size_t)k);
    }
}

static bool has_lua_end(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".lua") == 0;
}

bool it_run_stem(const char *path, char *out, size_t cap)
{
    it_buf b;
    const char *at = below_scenarios(path), *slash = strrchr(path, '/');
    const char *folders = without_lead(path), *name = at ? at : slash ? slash + 1 : path;
    size_t n = strlen(name);
    it_buf_init(&b, out, cap - 1);
    if (!at && name > folders)
        put_folders(&b, folders, (size_t)(name - folders));
    n -= has_lua_end(name) ? 4 : 0;
    it_buf_put(&b, name, n);
    if (b.overflow || n == 0 || strspn(name, ID_CHARS) < n)
        return false;
    out[b.len] = '\0';
    return true;
}
