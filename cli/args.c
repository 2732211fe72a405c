/* The tables, and reading a command line by them. */
#include "cli/args.h"
#include "cli/take.h"

#include "base/text/near.h"
#include "lab/run/pool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const it_cli_command IT_CLI_COMMANDS[] = {
    {"run",
     "PATH...",
     "run scenarios; write results, captures and reports",
     IT_CLI_RUN,
     1,
     -1,
     {"icetank run scenarios/compare --out out/compare", "every scenario below a folder",
      "icetank run scenarios/hello.lua --pcap all", "one scenario, with captures for Wireshark"},
     "Writes DIR/results.jsonl, junit.xml and index.html; captures and traces below DIR/cases. Without --out a run "
     "that\n"
     "chooses cases (--only, --last-failed) leaves the results it chose from alone and writes to out/again.",
     it_cmd_run},
    {"list",
     "PATH...",
     "print the ids of the cases",
     IT_CLI_LIST,
     1,
     -1,
     {"icetank list scenarios", "every case there is", "icetank list scenarios --only 'compare/death/**' --json",
      "some of them, with file, title and axes"},
     "Scenarios are loaded, nothing is run: what does not load is an error with its file and line.",
     it_cmd_list},
    {"replay",
     "CASE-ID [PATH...]",
     "run one case again, captured, and compare it with its result",
     IT_CLI_REPLAY,
     1,
     -1,
     {"icetank replay hello", "the case of out/results.jsonl, or of scenarios/hello.lua",
      "icetank replay hello --out out/night --seed 7", "as in another folder, under another seed"},
     "Says \"identical\", or what differs from DIR/results.jsonl and ends with 4. PATH says where the scenario is\n"
     "when neither that file nor the folder scenarios/ knows.",
     it_cmd_replay},
    {"show",
     "CASE-ID [PATH...]",
     "print the result of one case",
     IT_CLI_SHOW,
     1,
     -1,
     {"icetank show hello", "expected and observed, faults, events, how to repeat it", "icetank show hello --ladder",
      "and its packets as a ladder diagram"},
     "A case that has no result or no trace in DIR is run again.",
     it_cmd_show},
    {"open",
     "CASE-ID [PATH...]",
     "open the capture of one case in Wireshark",
     IT_CLI_OPEN,
     1,
     -1,
     {"icetank open hello", "taps and comments as columns, names, drops in red", NULL, NULL},
     "CASE-ID may also be a file *.pcapng. Without Wireshark or a display it prints the command that does it, and the\n"
     "one for tshark. A case that has no capture in DIR is run again. The profile is written to DIR/wireshark; your "
     "own\n"
     "settings stay as they are.",
     it_cmd_open},
    {"report",
     "DIR",
     "make the reports of a run again from its results.jsonl",
     IT_CLI_REPORT,
     1,
     1,
     {"icetank report out/compare", "writes junit.xml and index.html, prints the summary", NULL, NULL},
     NULL,
     it_cmd_report},
    {"diff",
     "OLD NEW",
     "say what changed between two runs: cases, numbers, hypotheses",
     IT_CLI_DIFF,
     2,
     2,
     {"icetank diff out/main out/branch", "what got worse first; \"no difference\" where nothing changed",
      "icetank diff out/main out/branch --markdown", "as a comment for a pull request"},
     "OLD and NEW are folders of runs. Cases are compared by id: verdict, path, outcome, reason; numbers over the "
     "cases\n"
     "that both runs have, by scenario and model. Ends with 0 when nothing changed, with 1 when something did.",
     it_cmd_diff},
    {"export",
     "PCAPNG PCAP",
     "write a capture as classic pcap",
     0,
     2,
     2,
     {"icetank export out/cases/hello.pcapng hello.pcap", "for tools that read nothing else", NULL, NULL},
     "Packets and ns times. Names, comments, keys and interfaces stay behind: that format has no place for them.",
     it_cmd_export},
    {"check",
     "FILE...",
     "judge what captures show of STUN, TURN and ICE, by RFC section",
     IT_CLI_CHECK,
     1,
     IT_CHECK_FILES,
     {"icetank check call.pcapng", "every rule that is broken, by whom, and the frames",
      "icetank check call.pcap --creds passwords.txt --vantage server", "also integrity, and mapped addresses"},
     "Reads pcap and pcapng, - is standard input. A tap may miss packets, see them twice or out of order: what that "
     "may\nexplain is \"inconclusive\". Ends with 1 when a MUST is broken, with 3 when there is no STUN at all.\n"
     "A line of --creds: ice UFRAG PASSWORD, or turn USERNAME PASSWORD. Not judged yet: what is inside TLS, DTLS,\n"
     "SRTP, WebSocket or RTMFP, and messages within relayed data.",
     it_cmd_check},
    {"oracle",
     "NEAR FAR",
     "say what two hosts behind these boxes must do, and why",
     IT_CLI_ORACLE,
     2,
     2,
     {"icetank oracle linux-masq symmetric", "two NAT profiles", "icetank oracle udp-blocked+linux-masq nat444-cgn-eif",
      "a firewall around a NAT, a chain"},
     "NEAR and FAR are NAT profiles, firewall policies, chains or \"none\", several joined by \"+\", host outwards.\n"
     "A NAT with \"/\" and a policy for IPv6 behind it is a home of both families: symmetric/rfc6092.\n"
     "Nothing is run: the answer comes from the boxes' behaviour alone.",
     it_cmd_oracle},
    {"nat",
     "[PROFILE...]",
     "measure NATs and judge them by the requirements of RFCs",
     IT_CLI_NAT,
     0,
     -1,
     {"icetank nat", "every profile, a line each", "icetank nat linux-masq", "every field and requirement of one"},
     "Boxes are measured from outside, by packets in virtual time, and compared with what their profile declares; "
     "verdicts on\n"
     "RFC 4787, 5382, 5508, 6146, 6888 and 7857 are compared with conformance/nat/expected.txt.",
     it_cmd_nat},
    {"profiles",
     "[WORD]",
     "list every name that a scenario may use",
     IT_CLI_PROFILES,
     0,
     1,
     {"icetank profiles", "NATs, policies, chains, links, timers, carriers, packet labels ...", "icetank profiles cgn",
      "those with cgn in name, kind, sentence or source"},
     "Each has its name, one sentence and its source. 3 when none has WORD in it.",
     it_cmd_profiles},
    {"serve",
     "SERVICE",
     "run a server on this machine's sockets",
     IT_CLI_SERVE,
     1,
     1,
     {"icetank serve stun", "a STUN server on port 3478 of every address", "icetank serve turn --users users.txt",
      "a TURN server, over UDP and TCP"},
     "Prints \"listening udp ADDRESS:PORT\" (or tcp, tls) for each socket, and \"closed\" when its address has gone. "
     "Ctrl-C and "
     "SIGTERM\n"
     "end it, with 0. 77 when an address cannot be had. SERVICE is stun, turn, ws, signal, rendezvous, "
     "checkrelay or rtmfp.",
     it_cmd_serve},
    {"peer",
     "",
     "be an ICE peer on this machine's sockets, by lines of JSON or for a person",
     IT_CLI_PEER,
     0,
     0,
     {"icetank peer", "speaks itp/1 on standard input and output (docs/adapters.md)",
      "icetank peer --b --stun stun.example.org", "in two terminals: a call between them, set up by copy and paste"},
     "An operation a line in, an event a line out; the end of input ends it. With --b 1 when the connection fails.",
     it_cmd_peer},
    {"lua-api",
     "",
     "print icetank.d.lua for editors",
     0,
     0,
     0,
     {"icetank lua-api > icetank.d.lua", "completion and checks in editors that know LuaLS", NULL, NULL},
     NULL,
     it_cmd_lua_api},
    {"version", "", "print the version", 0, 0, 0, {"icetank version", "its number", NULL, NULL}, NULL, it_cmd_version},
    {"help",
     "[COMMAND]",
     "print this, or the help of a command; icetank version prints the version",
     IT_CLI_HELP,
     0,
     1,
     {"icetank help run", "the options of run", "icetank help --man | man -l -", "all of it as a man page"},
     NULL,
     it_cmd_help},
    {NULL, NULL, NULL, 0, 0, 0, {NULL, NULL, NULL, NULL}, NULL, NULL},
};

/* --- options --- */

/* A whole number from |lo| to |hi|. */
int it_cli_number(const char *text, long long lo, long long hi, long long *v)
{
    char *end;
    errno = 0;
    *v = strtoll(text, &end, 10);
    bool digits = *text >= '0' && *text <= '9';
    return digits && errno == 0 && *end == '\0' && *v >= lo && *v <= hi ? 0 : -1;
}

static int take_seed(it_cli *o, const char *v)
{
    long long n;
    int rc = it_cli_number(v, 0, INT64_MAX / 2, &n);
    o->run.seed = (uint64_t)n;
    o->seed_given = true;
    return rc;
}

static int take_jobs(it_cli *o, const char *v)
{
    long long n;
    int rc = it_cli_number(v, 1, IT_POOL_JOBS_MAX, &n);
    o->run.jobs = (int)n;
    return rc;
}

static int take_max_failures(it_cli *o, const char *v)
{
    long long n;
    int rc = it_cli_number(v, 0, 1000000000, &n);
    o->run.max_failures = (int)n;
    return rc;
}

static int take_last_failed(it_cli *o, const char *v)
{
    (void)v;
    o->last_failed = true;
    return 0;
}

static int take_no_report(it_cli *o, const char *v)
{
    (void)v;
    o->no_report = true;
    return 0;
}

static int take_timeout(it_cli *o, const char *v)
{
    long long n;
    int rc = it_cli_number(v, 0, 86400, &n);
    o->run.timeout_s = (int)n;
    return rc;
}

static int take_only(it_cli *o, const char *v)
{
    if (o->run.n_only == IT_RUN_ONLY_MAX || !*v)
        return -1;
    o->run.only[o->run.n_only++] = v;
    return 0;
}

static int take_out(it_cli *o, const char *v)
{
    o->run.out = v;
    o->out_given = true;
    return *v ? 0 : -1;
}

static int take_pcap(it_cli *o, const char *v)
{
    static const char *const WHEN[] = {"none", "first", "fail", "all"};
    for (int i = 0; i < 4; i++)
        if (strcmp(v, WHEN[i]) == 0) {
            o->run.pcap = (enum it_pcap_when)i;
            return 0;
        }
    return -1;
}

static int take_pcap_limit(it_cli *o, const char *v)
{
    long long n;
    int rc = it_cli_number(v, 0, 1000000, &n);
    o->run.pcap_mb = (int)n;
    return rc;
}

static int take_model(it_cli *o, const char *v)
{
    o->model = v;
    return *v >= 'A' && *v <= 'E' && !v[1] ? 0 : -1;
}

static int take_quiet(it_cli *o, const char *v)
{
    (void)v;
    o->quiet = true;
    return 0;
}

static int take_ladder(it_cli *o, const char *v)
{
    (void)v;
    o->ladder = true;
    return 0;
}

static int take_json(it_cli *o, const char *v)
{
    (void)v;
    o->json = true;
    return 0;
}

static int take_man(it_cli *o, const char *v)
{
    (void)v;
    o->man = true;
    return 0;
}

static int take_help(it_cli *o, const char *v)
{
    (void)v;
    o->help = true;
    return 0;
}

#define RUNS (IT_CLI_RUN | IT_CLI_REPLAY | IT_CLI_SHOW | IT_CLI_OPEN)

const it_cli_option IT_CLI_OPTIONS[] = {
    {"out", "DIR", RUNS, "the folder of the run (out; out/again for a run that chooses cases)", take_out, "a folder"},
    {"only", "GLOB", IT_CLI_RUN | IT_CLI_LIST,
     "cases whose id matches, repeatable; * stays inside a segment, ** does not", take_only,
     "a pattern, at most 32 times"},
    {"seed", "N", RUNS | IT_CLI_LIST | IT_CLI_NAT, "the first seed (1)", take_seed, "a whole number from 0"},
    {"jobs", "N", IT_CLI_RUN | IT_CLI_NAT, "worker processes (one a processor); changes no result", take_jobs,
     "a number from 1 to 1024"},
    {"last-failed", NULL, IT_CLI_RUN, "only what is not as predicted in DIR; PATH may be left out", take_last_failed,
     NULL},
    {"max-failures", "N", IT_CLI_RUN, "end after N cases that are not as predicted; 0: never (0)", take_max_failures,
     "a whole number from 0"},
    {"no-report", NULL, IT_CLI_RUN, "write no junit.xml and index.html; icetank report DIR makes them later",
     take_no_report, NULL},
    {"pcap", "WHEN", IT_CLI_RUN, "cases to capture: none, the first failed of its kind, all failed or all (first)",
     take_pcap, "none, first, fail or all"},
    {"pcap-limit", "MB", IT_CLI_RUN, "what the captures of first failed cases may take (100)", take_pcap_limit,
     "a number from 0 to 1000000"},
    {"timeout", "SECONDS", RUNS, "wall time after which a case counts as stuck (120); 0: never", take_timeout,
     "a number of seconds from 0 to 86400"},
    {"edge", "HOST=DEVICE", IT_CLI_RUN,
     "that host of the worlds is TUN device DEVICE of this machine, which has its addresses: by the wall clock, "
     "repeatable",
     it_cli_take_edge, "a host's name and a device, as turn=tank0, at most 8 times"},
    {"trust", "FILE", IT_CLI_RUN, "with --edge: certificates (PEM) that the hosts of the worlds trust, too",
     it_cli_take_trust, "a file"},
    {"ladder", NULL, IT_CLI_SHOW, "draw the packets", take_ladder, NULL},
    {"creds", "FILE", IT_CLI_CHECK, "passwords, to judge integrity by (none)", it_cli_take_creds, "a file"},
    {"vantage", "WHERE", IT_CLI_CHECK, "where it was captured: middle, client or server (middle)", it_cli_take_vantage,
     "middle, client or server"},
    {"profile", "RFC", IT_CLI_CHECK, "by RFC 8445, 8489, 8656 (8445), or by 5245, 5389, 5766 (5245)",
     it_cli_take_profile, "8445 or 5245"},
    {"sarif", NULL, IT_CLI_CHECK, "print a SARIF log instead of text", it_cli_take_sarif, NULL},
    {"model", "M", IT_CLI_ORACLE, "the model that connects, A to E (B)", take_model, "a letter from A to E"},
    {"listen", "ADDRESS", IT_CLI_SERVE | IT_CLI_PEER,
     "where to be, as 192.0.2.1:3478, [2001:db8::1]:3478 or without a port, repeatable (every address)",
     it_cli_take_listen, "an address of this machine, with or without a port, at most 16 times"},
    {"b", NULL, IT_CLI_PEER, "a call for a person: blocks of text to copy and paste, then lines both ways",
     it_cli_take_talk, NULL},
    {"stun", "HOST[:PORT]", IT_CLI_PEER, "with --b: a STUN server to learn mapped addresses from, repeatable (none)",
     it_cli_take_stun, "a name or an address, with or without a port, at most 4 times"},
    {"turn", "URI,USER,PASSWORD", IT_CLI_PEER,
     "with --b: a relay, as turn:192.0.2.1:3478?transport=tcp,me,secret (none)", it_cli_take_turn,
     "a URI, a user and a password, at most 4 times"},
    {"port", "N", IT_CLI_SERVE, "the port where --listen has none (the service's own); 0: any free one",
     it_cli_take_port, "a number from 0 to 65535"},
    {"cert", "FILE", IT_CLI_SERVE,
     "turn, ws, signal, rendezvous: TLS on a port of its own, with this certificate, its chain behind it, and its key "
     "(PEM)",
     it_cli_take_cert, "a file"},
    {"key", "FILE", IT_CLI_SERVE, NULL, it_cli_take_key, "a file"},
    {"tls-port", "N", IT_CLI_SERVE, "and that port (the service's own); 0: any free one", it_cli_take_tls_port,
     "a number from 0 to 65535"},
    {"rate", "N", IT_CLI_SERVE,
     "a second, and at a time, of one address: datagrams, requests, connections (50); connections, mailboxes, names, "
     "sessions, relays of --open (128). 0: no limit",
     it_cli_take_rate, "a number from 0 to 1000000"},
    {"each", "N", IT_CLI_SERVE, NULL, it_cli_take_each, "a number from 0 to 1000000"},
    {"user", "NAME:PASSWORD", IT_CLI_SERVE,
     "turn: who may use it, repeatable; every process here can read it: see --users", it_cli_take_user,
     "NAME:PASSWORD, at most 16 times"},
    {"users", "FILE", IT_CLI_SERVE, "turn: the same, a line each; # begins a comment", it_cli_take_users, NULL},
    {"open", NULL, IT_CLI_SERVE, "turn: without users everybody may", it_cli_take_open, NULL},
    {"realm", "NAME", IT_CLI_SERVE, "turn: what the passwords are for (icetank)", it_cli_take_realm, "1 to 509 bytes"},
    {"relay", "ADDRESS", IT_CLI_SERVE, "turn: where relayed addresses are, once a family (where the client has asked)",
     it_cli_take_relay, "an address of this machine, without a port"},
    {"relay-ports", "A-B", IT_CLI_SERVE, "turn: and their ports (49152-65535)", it_cli_take_relay_ports,
     "two ports with - between, the lower one first"},
    {"allocations", "N", IT_CLI_SERVE, "turn: relayed addresses at a time (1000), and of one user (100; 0: no limit)",
     it_cli_take_allocations, "a number from 1 to 4000"},
    {"per-user", "N", IT_CLI_SERVE, NULL, it_cli_take_user_allocations, "a number from 0 to 4000"},
    {"allow-peer", "PREFIX", IT_CLI_SERVE,
     "turn: peers to send to all the same (private ones are not), and not to send to; repeatable",
     it_cli_take_allow_peer, "an address or a prefix, at most 16 times"},
    {"deny-peer", "PREFIX", IT_CLI_SERVE, NULL, it_cli_take_deny_peer, "an address or a prefix, at most 16 times"},
    {"rooms", "N", IT_CLI_SERVE, "checkrelay: rooms, a line printed of each end: its ufrag and password, twice (1)",
     it_cli_take_rooms, "a number from 1 to 1024"},
    {"quiet", NULL, IT_CLI_SERVE, "say nothing for people, of starting and stopping", take_quiet, NULL},
    {"bound", "PERCENT", IT_CLI_DIFF,
     "numbers that moved by no more are left out (5); 0: any move counts, and packets that differ", it_cli_take_bound,
     "a number from 0 to 1000"},
    {"html", "FILE", IT_CLI_DIFF, "write a page, too", it_cli_take_html, "a file"},
    {"markdown", NULL, IT_CLI_DIFF, "print Markdown of 60,000 bytes at most instead of text", it_cli_take_markdown,
     NULL},
    {"json", NULL, IT_CLI_NAT | IT_CLI_LIST | IT_CLI_PROFILES | IT_CLI_CHECK | IT_CLI_DIFF,
     "print JSON instead of text", take_json, NULL},
    {"man", NULL, IT_CLI_HELP, "print the man page", take_man, NULL},
    {"help", NULL, ~0u, "print the help of the command", take_help, NULL},
    {NULL, NULL, 0, NULL, NULL, NULL},
};

_Static_assert(sizeof IT_CLI_OPTIONS / sizeof *IT_CLI_OPTIONS <= 64, "it_cli.given has a bit for each");

bool it_cli_given(const it_cli *o, const char *name)
{
    for (int i = 0; IT_CLI_OPTIONS[i].name; i++)
        if (strcmp(IT_CLI_OPTIONS[i].name, name) == 0)
            return o->given >> i & 1;
    return false;
}

/* --- messages --- */

int it_cli_fail(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("icetank: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return code;
}

bool it_cli_color(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static void no_command(const char *word)
{
    it_near near;
    it_near_init(&near, word);
    for (const it_cli_command *c = IT_CLI_COMMANDS; c->name; c++)
        it_near_try(&near, c->name);
    if (near.best) {
        it_cli_fail(IT_EXIT_USAGE, "no command \"%s\"; did you mean \"%s\"?", word, near.best);
        return;
    }
    fprintf(stderr, "icetank: no command \"%s\"; there are", word);
    for (const it_cli_command *c = IT_CLI_COMMANDS; c->name; c++)
        fprintf(stderr, "%s %s", c == IT_CLI_COMMANDS ? "" : ",", c->name);
    fputs("; see icetank --help\n", stderr);
}

static void no_option(const it_cli_command *c, const char *word)
{
    it_near near;
    it_near_init(&near, word);
    for (const it_cli_option *p = IT_CLI_OPTIONS; p->name; p++)
        if (p->commands & c->bit || p->commands == ~0u)
            it_near_try(&near, p->name);
    if (near.best)
        it_cli_fail(IT_EXIT_USAGE, "%s: no option --%s; did you mean --%s?", c->name, word, near.best);
    else
        it_cli_fail(IT_EXIT_USAGE, "%s: no option --%s; see icetank %s --help", c->name, word, c->name);
}

/* --- parsing --- */

/* The option |name| of |c|; NULL when it has none of that name. */
static const it_cli_option *option_of(const it_cli_command *c, const char *name)
{
    for (const it_cli_option *p = IT_CLI_OPTIONS; p->name; p++) {
        bool has = p->commands & c->bit || p->commands == ~0u;
        if (has && strcmp(p->name, name) == 0)
            return p;
    }
    return NULL;
}

/* Takes the option at argv[*i], which begins with "--". Returns 0, or -1 after a message. */
static int option(it_cli *o, const it_cli_command *c, int argc, char **argv, int *i)
{
    char name[64];
    const char *word = argv[*i] + 2, *eq = strchr(word, '='), *value = "";
    snprintf(name, sizeof name, "%.*s", eq ? (int)(eq - word) : (int)strlen(word), word);
    const it_cli_option *p = option_of(c, name);
    if (!p) {
        no_option(c, name);
        return -1;
    }
    if (!p->value && eq) {
        it_cli_fail(IT_EXIT_USAGE, "%s: --%s takes no value", c->name, name);
        return -1;
    }
    if (p->value && !eq && *i + 1 >= argc) {
        it_cli_fail(IT_EXIT_USAGE, "%s: --%s needs a value: %s", c->name, name, p->takes);
        return -1;
    }
    if (p->value)
        value = eq ? eq + 1 : argv[++*i];
    o->given |= UINT64_C(1) << (p - IT_CLI_OPTIONS);
    if (p->take(o, value) < 0) {
        it_cli_fail(IT_EXIT_USAGE, "%s: --%s takes %s, not \"%s\"", c->name, name, p->takes, value);
        return -1;
    }
    return 0;
}

static int words(const it_cli *o, const it_cli_command *c)
{
    int n = o->run.n_paths;
    int least = o->last_failed ? 0 : c->least;
    if (o->help || (n >= least && (c->most < 0 || n <= c->most)))
        return 0;
    if (n < least)
        it_cli_fail(IT_EXIT_USAGE, "%s: write icetank %s %s, as in: %s (%s); see icetank %s --help", c->name, c->name,
                    c->args, c->example[0], c->example[1], c->name);
    else
        it_cli_fail(IT_EXIT_USAGE, "%s: \"%s\" is too much; see icetank %s --help", c->name, o->run.paths[c->most],
                    c->name);
    return -1;
}

const it_cli_command *it_cli_parse(it_cli *o, int argc, char **argv)
{
    const it_cli_command *c = IT_CLI_COMMANDS;
    while (c->name && strcmp(c->name, argv[0]) != 0)
        c++;
    if (!c->name) {
        no_command(argv[0]);
        return NULL;
    }
    bool only_words = false;
    int n = 1; /* words that are no options move to the front */
    for (int i = 1; i < argc; i++) {
        if (only_words || argv[i][0] != '-' || !argv[i][1])
            argv[n++] = argv[i];
        else if (strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (strcmp(argv[i], "-h") == 0)
            o->help = true;
        else if (argv[i][1] != '-') {
            it_cli_fail(IT_EXIT_USAGE, "%s: no option %s; options are written --name", c->name, argv[i]);
            return NULL;
        } else if (option(o, c, argc, argv, &i) < 0)
            return NULL;
    }
    o->command = c->name;
    o->run.paths = argv + 1;
    o->run.n_paths = n - 1;
    return words(o, c) < 0 ? NULL : c;
}
