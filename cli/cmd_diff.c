/* diff: two runs compared. */
#include "cli/args.h"

#include "base/text/file.h"
#include "reports/diff/diff.h"

#include <stdio.h>

/* Writes the page to |o|->html. Returns -1 when that went well, else an exit code after a message. */
static int write_page(const it_cli *o, const it_diff *d)
{
    char err[IT_FILE_ERR];
    it_str out;
    int code = -1;
    it_str_init(&out, o->run.alloc);
    it_diff_html(d, &out);
    if (out.oom)
        code = it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM));
    else if (it_file_write(o->html, it_bytes_of(it_str_c(&out), out.n), err) < 0)
        code = it_cli_fail(IT_EXIT_INTERNAL, "--html: %s", err);
    it_str_fini(&out);
    return code;
}

/* Prints |d| in the form that is asked for; -1, or an exit code after a message. */
static int print_diff(const it_cli *o, const it_diff *d)
{
    it_str out;
    it_str_init(&out, o->run.alloc);
    if (o->json)
        it_diff_json(d, &out);
    else if (o->markdown)
        it_diff_markdown(d, &out);
    else
        it_diff_text(d, o->program, &out);
    int code = out.oom ? it_cli_fail(IT_EXIT_INTERNAL, "%s", it_err_str(IT_ERR_NOMEM)) : -1;
    if (code < 0)
        fputs(it_str_c(&out), stdout);
    it_str_fini(&out);
    return code;
}

/* Reads both runs; -1, or an exit code after a message. */
static int read_runs(const it_cli *o, it_diff *d)
{
    char err[512] = "";
    int rc = it_diff_read(d, o->run.alloc, o->run.paths[0], o->run.paths[1], o->bound, err);
    if (rc == 0)
        return -1;
    bool input = rc == IT_ERR_NOTFOUND || rc == IT_ERR_PARSE;
    return it_cli_fail(input ? IT_EXIT_USAGE : IT_EXIT_INTERNAL, "%s", err);
}

int it_cmd_diff(it_cli *o)
{
    it_diff d;
    if (o->json && o->markdown)
        return it_cli_fail(IT_EXIT_USAGE, "diff: --json and --markdown exclude each other");
    int code = read_runs(o, &d);
    if (code < 0 && o->html)
        code = write_page(o, &d);
    if (code < 0)
        code = print_diff(o, &d);
    if (code < 0)
        code = it_diff_changed(&d) ? IT_EXIT_UNEXPECTED : IT_EXIT_EXPECTED;
    it_diff_fini(&d);
    return code;
}
