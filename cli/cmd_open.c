/* open: the capture of a case in Wireshark, with a profile that shows taps and comments. */
#include "cli/args.h"

#include "base/text/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const unsigned char it_embed_preferences[], it_embed_colorfilters[], it_embed_rtmfp_dissector[];
extern const size_t it_embed_preferences_size, it_embed_colorfilters_size, it_embed_rtmfp_dissector_size;

/* Makes the folders of |path|, which is cut and mended at each slash; false on an error, with errno. */
static bool make_folders(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        int rc = mkdir(path, 0777);
        *p = '/';
        if (rc < 0 && errno != EEXIST)
            return false;
    }
    return true;
}

static bool write_file(const char *path, const unsigned char *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(text, 1, n, f) == n;
    return f && fclose(f) == 0 && ok;
}

/* Tells the dissector of RTMFP in the profile at |path| that its keys are in |capture|. */
static bool name_capture(const char *path, const char *capture)
{
    FILE *f = fopen(path, "ab");
    bool ok = f && fprintf(f, "rtmfp.capture: %s\n", capture) > 0;
    return f && fclose(f) == 0 && ok;
}

/* Writes the profile for |capture| and the dissector below |config|, as Wireshark looks for them there. 0, or an exit
 * code after a message. */
static int write_profile(const char *config, const char *capture)
{
    char path[8192];
    const struct {
        const char *name;
        const unsigned char *text;
        size_t n;
    } FILES[] = {{"plugins/rtmfp-dissector.lua", it_embed_rtmfp_dissector, it_embed_rtmfp_dissector_size},
                 {"profiles/icetank/colorfilters", it_embed_colorfilters, it_embed_colorfilters_size},
                 {"profiles/icetank/preferences", it_embed_preferences, it_embed_preferences_size}};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", config, FILES[i].name);
        if (!make_folders(path) || !write_file(path, FILES[i].text, FILES[i].n))
            return it_cli_fail(IT_EXIT_INTERNAL, "%s: %s", path, strerror(errno));
    }
    if (!name_capture(path, capture)) /* the last one was the preferences */
        return it_cli_fail(IT_EXIT_INTERNAL, "%s: %s", path, strerror(errno));
    return 0;
}

/* Whether |program| can be run by its name. */
static bool is_there(const char *program)
{
    const char *at = getenv("PATH");
    while (at && *at) {
        char path[8192];
        size_t n = strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)n, at, program);
        if (n && access(path, X_OK) == 0)
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

static bool has_display(void)
{
    const char *x = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    return (x && *x) || (wayland && *wayland);
}

/* Prints the command that opens |path| in |program|. */
static void print_command(it_alloc *a, const char *config, const char *program, const char *args, const char *path)
{
    it_str s;
    it_str_init(&s, a);
    it_str_puts(&s, "WIRESHARK_CONFIG_DIR=");
    it_run_quote(&s, config);
    it_str_printf(&s, " %s -C icetank %s", program, args);
    it_run_quote(&s, path);
    puts(it_str_c(&s));
    it_str_fini(&s);
}

/* Starts Wireshark, which lives on without us. False when that failed. */
static bool start_wireshark(const char *config, const char *path)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid)
        return pid > 0;
    (void)setsid();
    if (setenv("WIRESHARK_CONFIG_DIR", config, 1) == 0)
        (void)execlp("wireshark", "wireshark", "-C", "icetank", "-r", path, (char *)NULL);
    fprintf(stderr, "icetank: wireshark: %s\n", strerror(errno));
    _exit(IT_EXIT_ENVIRONMENT);
}

static bool is_capture(const char *word)
{
    size_t n = strlen(word), k = strlen(".pcapng");
    return n > k && strcmp(word + n - k, ".pcapng") == 0;
}

int it_cmd_open(it_cli *o)
{
    char config[4096], path[8192];
    const char *word = o->run.paths[0];
    if (snprintf(config, sizeof config, "%s/wireshark", o->run.out) >= (int)sizeof config)
        return it_cli_fail(IT_EXIT_USAGE, "--out: the path is too long");
    if (is_capture(word)) {
        snprintf(path, sizeof path, "%s", word);
        if (access(path, R_OK) < 0)
            return it_cli_fail(IT_EXIT_USAGE, "%s: %s", path, strerror(errno));
    } else {
        int code = it_cli_capture(o, path);
        if (code >= 0)
            return code;
    }
    int code = write_profile(config, path);
    if (code)
        return code;
    bool here = is_there("wireshark"), display = has_display();
    if (here && display && start_wireshark(config, path)) {
        printf("%s: opened in Wireshark\n", path);
        return IT_EXIT_EXPECTED;
    }
    printf("%s; this opens it:\n  ", here ? "there is no display" : "Wireshark is not here");
    print_command(o->run.alloc, config, "wireshark", "-r ", path);
    printf("  ");
    print_command(o->run.alloc, config, "tshark", "-r ", path);
    return IT_EXIT_EXPECTED;
}
