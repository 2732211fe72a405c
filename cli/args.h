/* The command line as tables: commands, options, exit codes. Parsing, help and the man page come from them.
 *
 * Options stand anywhere after the command, as "--name value" or "--name=value"; "--" ends them. Names are never
 * abbreviated, and a wrong one is answered with the nearest right one. */
#ifndef IT_CLI_ARGS_H
#define IT_CLI_ARGS_H

#include "conformance/passive/passive.h"
#include "lab/serve/serve.h"
#include "base/addr.h"
#include "lab/run/run.h"

#define IT_CLI_LISTEN 16  /* --listen at most */
#define IT_CLI_STUN 4     /* --stun, and --turn, at most */
#define IT_CLI_USERS 16   /* --user at most; a file has no such limit */
#define IT_CHECK_FILES 64 /* captures of one check */

/* What the program ends with. 5 (the stack under test does not start) and 6 (a stale baseline) are kept for commands to
 * come. */
enum it_cli_exit {
    IT_EXIT_EXPECTED = 0,
    IT_EXIT_UNEXPECTED = 1,
    IT_EXIT_USAGE = 2,
    IT_EXIT_NOTHING = 3,
    IT_EXIT_INTERNAL = 4,
    IT_EXIT_ENVIRONMENT = 77,
    IT_EXIT_INTERRUPTED = 130
};

typedef struct it_cli {
    it_run_cfg run; /* paths are the words that are no options */
    const char *command;
    const char *program; /* as it was called, quoted for a shell */
    const char *model;
    const char *failed_in; /* with |last_failed|: the folder whose results were chosen from */
    struct {
        it_addr addr;
        bool has_port;
    } listen[IT_CLI_LISTEN];
    int n_listen;
    const char *stun[IT_CLI_STUN], *turn_uri[IT_CLI_STUN];
    int n_stun, n_turn;
    int port, rate, each, tls_port; /* -1: not said */
    const char *cert_file, *key_file;
    it_serve_turn_cfg turn;
    uint32_t rooms; /* of a relay that answers checks */
    const char *user[IT_CLI_USERS], *users_file;
    int n_user;
    it_prefix allow_peer[IT_SERVE_PEERS], deny_peer[IT_SERVE_PEERS];
    const char *creds;
    enum it_passive_vantage vantage;
    enum it_passive_profile profile;
    bool sarif;
    bool open;
    bool talk;
    bool quiet;
    uint64_t given; /* options, by their place in the table */
    const char *trust_file;
    const char *html; /* where diff writes its page */
    int bound;        /* of diff, percent */
    bool markdown;
    bool help, ladder, man, json, seed_given, out_given, last_failed, no_report;
} it_cli;

/* Bits for it_cli_option.commands. */
enum {
    IT_CLI_RUN = 1,
    IT_CLI_LIST = 2,
    IT_CLI_REPLAY = 4,
    IT_CLI_REPORT = 8,
    IT_CLI_SHOW = 16,
    IT_CLI_ORACLE = 32,
    IT_CLI_HELP = 64,
    IT_CLI_NAT = 128,
    IT_CLI_OPEN = 256,
    IT_CLI_PROFILES = 512,
    IT_CLI_SERVE = 1024,
    IT_CLI_PEER = 2048,
    IT_CLI_CHECK = 4096,
    IT_CLI_DIFF = 8192
};

typedef struct it_cli_option {
    const char *name, *value; /* |value| NULL: a switch */
    unsigned commands;
    const char *help; /* NULL: that of the one before speaks of both */
    /* Takes the value ("" for a switch): 0, or -1 when it is none of |value|'s; the caller says so. */
    int (*take)(it_cli *o, const char *v);
    const char *takes; /* "a number from 1 to 64", for that message */
} it_cli_option;

typedef struct it_cli_command {
    const char *name, *args, *help;
    unsigned bit;
    int least, most;        /* words that are no options; -1: any number */
    const char *example[4]; /* and what it does, in turn */
    const char *more;       /* lines for its own help, or NULL */
    int (*run)(it_cli *o);
} it_cli_command;

extern const it_cli_command IT_CLI_COMMANDS[]; /* the last has no name */
extern const it_cli_option IT_CLI_OPTIONS[];   /* the last has no name */

/* Reads |argv| (the command first) into |o|. Returns NULL after a message when it is not as it should be. */
const it_cli_command *it_cli_parse(it_cli *o, int argc, char **argv);

/* Whether option |name| was given. */
bool it_cli_given(const it_cli *o, const char *name);

/* "icetank: TEXT" on standard error; returns |code|. */
int it_cli_fail(int code, const char *fmt, ...) IT_PRINTF(2, 3);

/* True when standard output takes colours: a terminal, NO_COLOR unset or empty, TERM not "dumb". */
bool it_cli_color(void);

/* Finds the capture of case |o|->run.paths[0] below the run's folder, or runs the case again, recorded. Returns -1 when
 * |path| names it, else an exit code after a message. */
int it_cli_capture(it_cli *o, char path[8192]);

/* The help of one command, of all, and the man page, on standard output. */
int it_cli_help_for(const it_cli_command *c);
int it_cli_help(void);
int it_cli_man(void);

/* The commands. */
int it_cmd_run(it_cli *o);
int it_cmd_list(it_cli *o);
int it_cmd_replay(it_cli *o);
int it_cmd_report(it_cli *o);
int it_cmd_diff(it_cli *o);
int it_cmd_export(it_cli *o);
int it_cmd_show(it_cli *o);
int it_cmd_open(it_cli *o);
int it_cmd_check(it_cli *o);
int it_cmd_oracle(it_cli *o);
int it_cmd_nat(it_cli *o);
int it_cmd_profiles(it_cli *o);
int it_cmd_serve(it_cli *o);
int it_cmd_peer(it_cli *o);
int it_cmd_lua_api(it_cli *o);
int it_cmd_version(it_cli *o);
int it_cmd_help(it_cli *o);

#endif
