/* oracle, profiles, lua-api, version: questions that run nothing. */
#include "cli/args.h"

#include "base/version.h"

#include <stdio.h>

/* A script state without a world behind it; NULL after a message. Free both. */
static it_script *ask_profile(it_cli *o, it_profiles **profiles)
{
    char err[IT_PROFILE_ERR] = "";
    it_script_cfg cfg = {.alloc = o->run.alloc, .seed = 1, .profiles = it_profiles_builtin(o->run.alloc, err)};
    it_script *s = cfg.profiles ? it_script_new(&cfg) : NULL;
    *profiles = cfg.profiles;
    if (!s)
        it_cli_fail(IT_EXIT_INTERNAL, "%s", *err ? err : it_err_str(IT_ERR_NOMEM));
    return s;
}

/* Prints |text| when |rc| is 0, else |err|. */
static int print_text(int rc, it_str *text, const char *err)
{
    int code = IT_EXIT_EXPECTED;
    if (rc == 0)
        fputs(it_str_c(text), stdout);
    else
        code = it_cli_fail(rc == IT_ERR_PARSE         ? IT_EXIT_USAGE
                           : rc == IT_ERR_UNSUPPORTED ? IT_EXIT_NOTHING
                                                      : IT_EXIT_INTERNAL,
                           "%s", err);
    it_str_fini(text);
    return code;
}

int it_cmd_oracle(it_cli *o)
{
    char err[512] = "";
    it_profiles *profiles;
    it_str text;
    it_script *s = ask_profile(o, &profiles);
    int code = IT_EXIT_INTERNAL;
    it_str_init(&text, o->run.alloc);
    if (s)
        code = print_text(it_script_oracle(s, o->run.paths[0], o->run.paths[1], o->model, &text, err), &text, err);
    it_script_free(s);
    it_profiles_free(profiles);
    return code;
}

int it_cmd_profiles(it_cli *o)
{
    char err[512] = "";
    it_profiles *profiles;
    it_str text;
    it_script *s = ask_profile(o, &profiles);
    const char *word = o->run.n_paths > 0 ? o->run.paths[0] : NULL;
    int code = IT_EXIT_INTERNAL;
    it_str_init(&text, o->run.alloc);
    if (s)
        code = print_text(it_script_profiles(s, word, o->json, &text, err), &text, err);
    it_script_free(s);
    it_profiles_free(profiles);
    return code;
}

int it_cmd_lua_api(it_cli *o)
{
    it_profiles *profiles;
    it_str text;
    it_script *s = ask_profile(o, &profiles);
    int code = IT_EXIT_INTERNAL;
    it_str_init(&text, o->run.alloc);
    if (s) {
        int rc = it_script_d_lua(s, &text);
        code = print_text(rc, &text, it_err_str(rc));
    }
    it_script_free(s);
    it_profiles_free(profiles);
    return code;
}

int it_cmd_version(it_cli *o)
{
    (void)o;
    puts("icetank " IT_VERSION);
    return IT_EXIT_EXPECTED;
}
