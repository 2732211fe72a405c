/* serve: the project's servers on real sockets, until a signal comes. */
#include "cli/args.h"

#include "base/text/near.h"
#include "lab/serve/serve.h"
#include "lab/serve/users.h"
#include "stack/crypto/ossl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EACH 128 /* of one address at a time, where there is a --rate: a NAT's many, and not all there are */
#define USERS_FILE (16u << 20) /* bytes of one */

typedef struct serve {
    const it_cli *o;
    const it_service *service;
    bool told;      /* somebody was told of an address */
    bool on;        /* every address is had: what is told is printed */
    bool unwritten; /* and could not be */
    int no;         /* errno of that */
    it_str waiting; /* lines to be printed then */
    it_users users;
    it_serve_tls tls;
} serve;

static void log_line(void *self, const char *text)
{
    const serve *s = self;
    if (!s->o->quiet)
        fprintf(stderr, "icetank: serve %s\n", text);
}

/* Prints what waits for it, at once. */
static void print_waiting(serve *s)
{
    bool good = fwrite(it_str_c(&s->waiting), 1, s->waiting.n, stdout) == s->waiting.n && fflush(stdout) == 0;
    if (!good && !s->unwritten)
        s->no = errno;
    s->unwritten = s->unwritten || !good;
    it_str_clear(&s->waiting);
}

static void say_bound(void *self, const char *transport, it_addr a, bool up)
{
    serve *s = self;
    char text[IT_ADDR_TEXT];
    if (it_ip_none(a.ip)) /* of every address, which the machine writes so */
        (void)snprintf(text, sizeof text, "[::]:%u", a.port);
    else
        it_addr_text(a, text);
    it_str_printf(&s->waiting, "%s %s %s\n", up ? "listening" : "closed", transport, text);
    s->told = true;
    if (s->on)
        print_waiting(s);
}

static void say_line(void *self, const char *line)
{
    serve *s = self;
    it_str_printf(&s->waiting, "%s\n", line);
}

static int no_service(const char *word)
{
    it_near near;
    it_str all;
    it_alloc alloc;
    it_alloc_init(&alloc);
    it_str_init(&all, &alloc);
    it_near_init(&near, word);
    for (const it_service *s = IT_SERVICES; s->name; s++) {
        it_near_try(&near, s->name);
        it_str_printf(&all, "%s%s", s == IT_SERVICES ? "" : ", ", s->name);
    }
    if (near.best)
        it_cli_fail(IT_EXIT_USAGE, "serve: no service \"%s\"; did you mean \"%s\"?", word, near.best);
    else
        it_cli_fail(IT_EXIT_USAGE, "serve: no service \"%s\"; there are: %s", word, it_str_c(&all));
    it_str_fini(&all);
    return IT_EXIT_USAGE;
}

/* Where to serve: what --listen says, or every address. */
static size_t addrs_of(const it_cli *o, const it_service *service, it_addr to[IT_SERVE_ADDRS])
{
    uint16_t port = o->port < 0 ? service->port : (uint16_t)o->port;
    size_t n = 0;
    for (int i = 0; i < o->n_listen; i++) {
        to[n] = o->listen[i].addr;
        if (!o->listen[i].has_port)
            to[n].port = port;
        n++;
    }
    if (n == 0) {
        to[n++] = it_addr_of(it_ip4(0), port);
        to[n++] = it_addr_of((it_ip){0, 0}, port);
    }
    return n;
}

/* Reads the file |path| into |text|. Returns 0, or the exit code. */
static int read_file(it_str *text, const char *path)
{
    char buf[4096];
    FILE *f = fopen(path, "re");
    if (!f)
        return it_cli_fail(IT_EXIT_USAGE, "serve turn: %s: %s", path, strerror(errno));
    for (size_t n; text->n < USERS_FILE && (n = fread(buf, 1, sizeof buf, f)) > 0;)
        it_str_put(text, buf, n);
    if (text->n >= USERS_FILE) {
        fclose(f);
        return it_cli_fail(IT_EXIT_USAGE, "serve turn: %s: larger than 16 MB", path);
    }
    bool failed = ferror(f);
    fclose(f);
    if (failed || text->oom)
        return it_cli_fail(IT_EXIT_USAGE, "serve turn: %s: it cannot be read", path);
    return 0;
}

/* Adds the users of the file that --users names. Returns 0 or the exit code. */
static int read_users(serve *s)
{
    const char *path = s->o->users_file;
    char why[IT_USERS_WHY] = "no memory";
    it_str text;
    int line = 0;
    if (!path)
        return 0;
    it_str_init(&text, s->o->run.alloc);
    int code = read_file(&text, path);
    if (code == 0 && it_users_read(&s->users, it_bytes_of(text.p, text.n), &line, why) < 0)
        code = it_cli_fail(IT_EXIT_USAGE, "serve turn: %s:%d: %s", path, line, why);
    it_str_fini(&text);
    return code;
}

/* Who may use a TURN server: nobody is let in by mistake. Returns 0 or the exit code. */
static int gather_users(serve *s)
{
    char why[IT_USERS_WHY] = "no memory";
    if (s->service->start != it_serve_turn)
        return 0;
    for (int i = 0; i < s->o->n_user; i++) {
        if (it_users_add(&s->users, it_bytes_str(s->o->user[i]), why) < 0)
            return it_cli_fail(IT_EXIT_USAGE, "serve turn: --user: %s", why);
    }
    int code = read_users(s);
    if (code)
        return code;
    if (s->users.n == 0 && !s->o->open)
        return it_cli_fail(IT_EXIT_USAGE,
                           "serve turn: name its users by --users or --user, or say --open for everybody");
    if (s->users.n && s->o->open)
        return it_cli_fail(IT_EXIT_USAGE, "serve turn: it has users, or it is --open");
    return 0;
}

/* Whether the service heeds all options that were given. Returns 0 or the exit code. */
static int judge_options(const serve *s)
{
    static const char *const TURN[] = {"user",        "users",       "open",     "realm",      "relay",
                                       "relay-ports", "allocations", "per-user", "allow-peer", "deny-peer"};
    if (s->service->start != it_serve_checkrelay && it_cli_given(s->o, "rooms"))
        return it_cli_fail(IT_EXIT_USAGE, "serve %s: --rooms is of serve checkrelay; see icetank serve --help",
                           s->service->name);
    if (s->service->start == it_serve_turn)
        return 0;
    for (size_t i = 0; i < sizeof TURN / sizeof *TURN; i++)
        if (it_cli_given(s->o, TURN[i]))
            return it_cli_fail(IT_EXIT_USAGE, "serve %s: --%s is of serve turn; see icetank serve --help",
                               s->service->name, TURN[i]);
    return 0;
}

/* Whether the options for TLS go together. Returns 0 or the exit code. */
static int judge_tls(const serve *s)
{
    const it_cli *o = s->o;
    if (!s->service->tls_port)
        return it_cli_fail(IT_EXIT_USAGE, "serve %s: it has no TLS: no --cert, --key, --tls-port", s->service->name);
    if (!o->cert_file || !o->key_file)
        return it_cli_fail(IT_EXIT_USAGE, "serve %s: TLS needs both --cert and --key", s->service->name);
    return 0;
}

/* Reads the certificate, where one is named. Returns 0 or the exit code. */
static int read_cert(serve *s)
{
    const it_cli *o = s->o;
    char why[IT_SERVE_TLS_WHY];
    bool wanted = o->cert_file || o->key_file || o->tls_port >= 0;
    if (!wanted)
        return 0;
    int code = judge_tls(s);
    if (code)
        return code;
    s->tls.port = s->service->tls_port;
    if (o->tls_port >= 0)
        s->tls.port = (uint16_t)o->tls_port;
    int err = it_serve_tls_read(&s->tls, o->run.alloc, o->cert_file, o->key_file, why);
    if (err == 0)
        return 0;
    code = err == IT_ERR_PARSE ? IT_EXIT_USAGE : IT_EXIT_INTERNAL;
    return it_cli_fail(code, "serve %s: %s", s->service->name, why);
}

static int not_started(const it_service *service, int err, it_addr bad)
{
    static const struct {
        int err;
        const char *why;
    } WHY[] = {{IT_ERR_EXISTS, "the address and port are in use"},
               {IT_ERR_NOROUTE, "this machine has no such address"},
               {IT_ERR_RANGE, "no address of one host (multicast, or fe80:: without its link)"},
               {IT_ERR_PERM, "not permitted (ports below 1024 are for root)"},
               {IT_ERR_LIMIT, "this machine has no descriptor or memory left"}};
    char text[IT_ADDR_TEXT];
    for (size_t i = 0; i < sizeof WHY / sizeof *WHY; i++)
        if (WHY[i].err == err)
            return it_cli_fail(IT_EXIT_ENVIRONMENT, "serve %s: %s: %s", service->name, it_addr_text(bad, text),
                               WHY[i].why);
    return it_cli_fail(IT_EXIT_INTERNAL, "serve %s: %s", service->name, it_err_str(err));
}

/* Whether the machine has every address, before any is served. Returns 0 or an error, |*bad| then the address. */
static int judge_addrs(const it_serve_cfg *cfg, it_addr *bad)
{
    it_ip relays[] = {cfg->turn.relay4, cfg->turn.relay6};
    int err = 0;
    for (size_t k = 0; k < cfg->n_addrs && err == 0; k++) {
        *bad = cfg->addrs[k];
        bool any = it_ip_none(bad->ip) || (it_ip_is4(bad->ip) && it_ip_v4(bad->ip) == 0);
        err = any ? 0 : it_loop_has_ip(bad->ip);
    }
    for (size_t k = 0; k < 2 && err == 0; k++) {
        *bad = it_addr_of(relays[k], 0);
        err = it_ip_none(relays[k]) ? 0 : it_loop_has_ip(relays[k]);
    }
    return err;
}

/* Says that every address is had. Returns 0 or the exit code. */
static int say_started(serve *s)
{
    if (!s->told)
        return it_cli_fail(IT_EXIT_ENVIRONMENT, "serve %s: this machine has no address", s->service->name);
    s->on = true;
    print_waiting(s);
    if (s->unwritten)
        return it_cli_fail(IT_EXIT_INTERNAL, "serve %s: standard output: %s", s->service->name, strerror(s->no));
    return 0;
}

/* Serves until a signal comes, or nobody reads what is printed any more. */
static int serve_on(serve *s, it_loop *l, const it_limit_count *count, const it_serve_stop *stop)
{
    const it_service *service = s->service;
    int rc = 0;
    if (!s->o->quiet)
        fprintf(stderr, "icetank: serve %s: started, process %ld\n", service->name, (long)getpid());
    while (rc == 0)
        rc = it_loop_wait(l, IT_NEVER, NULL, 0);
    if (rc >= 0)
        rc = it_serve_goodbye(l, stop);
    if (rc < 0)
        return it_cli_fail(IT_EXIT_INTERNAL, "serve %s: %s", service->name, it_err_str(rc));
    if (!s->o->quiet)
        fprintf(stderr,
                "icetank: serve %s: stopped after %" PRId64 " s, %" PRIu64 " %s taken, %" PRIu64 " beyond the rate\n",
                service->name, it_loop_now(l) / IT_SEC, count->taken, service->counts, count->dropped);
    return IT_EXIT_EXPECTED;
}

/* How many of what it has a server gives to one address; 0: there is no limit. */
static uint32_t each_of(const it_cli *o)
{
    if (o->each >= 0)
        return (uint32_t)o->each;
    return o->rate ? EACH : 0;
}

static int start_and_serve(serve *s, it_loop *l)
{
    it_addr addrs[IT_SERVE_ADDRS], bad = {{0, 0}, 0};
    it_limit_count count = {0, 0};
    it_serve_stop stop = {.run = NULL};
    it_serve_cfg cfg = {.alloc = s->o->run.alloc, .loop = l, .addrs = addrs, .count = &count, .stop = &stop};
    cfg.n_addrs = addrs_of(s->o, s->service, addrs);
    cfg.limit = (it_limit_cfg){.rate = (uint32_t)s->o->rate, .depth = (uint32_t)s->o->rate};
    cfg.limit.streams = each_of(s->o);
    cfg.turn = s->o->turn;
    cfg.turn.users = s->users.v;
    cfg.turn.n_users = s->users.n;
    cfg.turn.allow = s->o->allow_peer;
    cfg.turn.deny = s->o->deny_peer;
    if (s->tls.shared)
        cfg.tls = &s->tls;
    cfg.log = log_line;
    cfg.bound = say_bound;
    cfg.rooms = s->o->rooms;
    cfg.tell = say_line;
    cfg.self = s;
    it_loop_more_descriptors();
    int err = it_loop_stop_on_signals(l);
    if (err == 0)
        err = it_loop_seed(&cfg.seed);
    if (err == 0)
        err = judge_addrs(&cfg, &bad);
    if (err == 0)
        err = s->service->start(&cfg, &bad);
    if (err == 0)
        err = it_loop_flush(l);
    if (err < 0)
        return not_started(s->service, err, bad);
    int code = say_started(s);
    return code ? code : serve_on(s, l, &count, &stop);
}

int it_cmd_serve(it_cli *o)
{
    serve s = {.o = o, .service = it_service_of(o->run.paths[0])};
    it_loop_cfg cfg = {.alloc = o->run.alloc, .clock = IT_CLOCK_WALL, .log = log_line, .self = &s};
    if (!s.service)
        return no_service(o->run.paths[0]);
    it_users_init(&s.users, o->run.alloc);
    it_str_init(&s.waiting, o->run.alloc);
    int code = judge_options(&s);
    if (code == 0)
        code = gather_users(&s);
    if (code == 0)
        code = read_cert(&s);
    it_loop *l = code ? NULL : it_loop_new(&cfg);
    if (l)
        code = start_and_serve(&s, l);
    else if (code == 0)
        code = it_cli_fail(IT_EXIT_INTERNAL, "serve: %s", it_err_str(IT_ERR_NOMEM));
    it_loop_free(l);
    it_users_fini(&s.users);
    it_str_fini(&s.waiting);
    it_serve_tls_fini(&s.tls);
    it_ossl_fini();
    return code;
}
