/* peer: the project's own ICE and DTLS on real sockets, by itp/1 or with a person on standard input and output. */
#include "cli/args.h"
#include "cli/take.h"

#include "lab/itp/peer.h"
#include "stack/crypto/ossl.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 4096    /* bytes that a pipe takes at once when poll says that it takes any (PIPE_BUF) */
#define DRAIN_MS 2000 /* at the end: how long a reader may rest */

static void log_line(void *self, const char *text)
{
    (void)self;
    fprintf(stderr, "icetank: %s\n", text);
}

typedef struct peer_io {
    it_itp_peer *p;
    it_loop *l;
    bool writing; /* poll waits for room for what was there to write */
    bool well;    /* how a talk has ended */
    int no;       /* errno of writing, where that is no reader who has gone */
} peer_io;

/* Lines have come while there was none to write. */
static bool has_lines(void *self)
{
    const peer_io *io = self;
    bool well;
    if (!io->p)
        return false;
    bool due = it_itp_peer_next(io->p) <= it_loop_now(io->l);
    return due || it_itp_peer_over(io->p, &well) || (!io->writing && it_itp_peer_output(io->p).n > 0);
}

/* Writes what waits. Returns 0, or -1 when nobody reads it any more. */
static int write_some(peer_io *io)
{
    it_bytes out = it_itp_peer_output(io->p);
    ssize_t n = write(STDOUT_FILENO, out.p, out.n < CHUNK ? out.n : CHUNK);
    if (n < 0) {
        bool again = errno == EINTR || errno == EAGAIN;
        if (!again && errno != EPIPE)
            io->no = errno;
        return again ? 0 : -1;
    }
    it_itp_peer_written(io->p, (size_t)n);
    return 0;
}

/* Reads once. Returns 1 at the end of input, 0, or an error. */
static int read_some(it_itp_peer *p)
{
    uint8_t buf[CHUNK];
    ssize_t n = read(STDIN_FILENO, buf, sizeof buf);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : 1;
    if (n == 0)
        return 1;
    return it_itp_peer_input(p, it_bytes_of(buf, (size_t)n));
}

/* A notice goes to standard error, behind what waits for standard output: two peers whose outputs are each other's
 * inputs would else answer each other's notices for ever. */
static void note_line(void *self, const char *text)
{
    peer_io *io = self;
    struct pollfd f = {STDOUT_FILENO, POLLOUT, 0};
    while (io->p && it_itp_peer_output(io->p).n && poll(&f, 1, 0) > 0 && write_some(io) == 0)
        continue;
    fprintf(stderr, "* %s\n", text);
}

/* Lets the rest be written, as long as somebody reads it. */
static void drain(peer_io *io)
{
    struct pollfd f = {STDOUT_FILENO, POLLOUT, 0};
    while (it_itp_peer_output(io->p).n && poll(&f, 1, DRAIN_MS) > 0 && write_some(io) == 0)
        continue;
}

/* Goes on until the input ends, the talk is over or a signal comes, then lets everything be written. */
static int converse(it_loop *l, peer_io *io)
{
    it_itp_peer *p = io->p;
    int rc = 0;
    while (rc == 0 && !it_itp_peer_over(p, &io->well)) {
        it_bytes out = it_itp_peer_output(p);
        struct pollfd f[] = {{it_itp_peer_hears(p) ? STDIN_FILENO : -1, POLLIN, 0},
                             {out.n ? STDOUT_FILENO : -1, POLLOUT, 0}};
        io->writing = out.n > 0;
        rc = it_loop_wait(l, it_itp_peer_next(p), f, 2);
        if (rc < 0 || rc == IT_LOOP_STOPPED)
            break;
        rc = it_itp_peer_tick(p);
        if (rc < 0)
            break;
        if (f[1].revents && write_some(io) < 0)
            return 0; /* the reader has gone */
        if (f[0].revents)
            rc = read_some(p);
    }
    if (rc < 0)
        return rc;
    int err = it_itp_peer_eof(p);
    (void)it_itp_peer_over(p, &io->well);
    drain(io);
    return err;
}

/* Whether |text| is a number that is no port; a name may be a service. */
static bool is_bad_port(const char *text)
{
    long long number;
    bool digits = *text && text[strspn(text, "0123456789")] == '\0';
    return digits && it_cli_number(text, 1, 65535, &number) < 0;
}

/* The addresses of |text|, "HOST", "HOST:PORT" or an address, one of each family at most, into |cfg|. Returns 0, or the
 * exit code. */
static int add_stun(it_itp_peer_cfg *cfg, const char *text)
{
    char host[256];
    const char *colon = strrchr(text, ':'), *port = "3478";
    size_t n = strlen(text);
    struct addrinfo want = {.ai_socktype = SOCK_DGRAM}, *all = NULL;
    bool has_port = colon && (strchr(text, ':') == colon || colon[-1] == ']');
    if (has_port) {
        port = colon + 1;
        n = (size_t)(colon - text);
    }
    if (is_bad_port(port))
        return it_cli_fail(IT_EXIT_USAGE, "peer: --stun %s: a port is from 1 to 65535", text);
    bool brackets = n > 1 && text[0] == '[' && text[n - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(n - 2 * brackets), text + brackets);
    int no = getaddrinfo(host, port, &want, &all);
    if (no)
        return it_cli_fail(IT_EXIT_ENVIRONMENT, "peer: --stun %s: %s", text, gai_strerror(no));
    bool have4 = false, have6 = false;
    for (const struct addrinfo *a = all; a && cfg->n_stun < IT_ICE_SERVERS_MAX; a = a->ai_next) {
        bool is4 = a->ai_family == AF_INET;
        if (is4 ? have4 : have6)
            continue;
        *(is4 ? &have4 : &have6) = true;
        if (it_loop_from_sockaddr(a->ai_addr, &cfg->stun[cfg->n_stun]))
            cfg->n_stun++;
    }
    freeaddrinfo(all);
    return 0;
}

/* Adds the relay that |text| names. Returns 0, or the exit code. */
static int add_turn(it_itp_peer_cfg *cfg, const char *text)
{
    int err = it_itp_turn(&cfg->turn[cfg->n_turn], text);
    if (err == IT_ERR_UNSUPPORTED)
        return it_cli_fail(IT_EXIT_USAGE,
                           "peer: --turn %s: no certificate of a relay is trusted here: turn:, by UDP or TCP, does",
                           text);
    if (err < 0)
        return it_cli_fail(IT_EXIT_USAGE,
                           "peer: --turn takes turn:ADDRESS:PORT?transport=tcp,USER,PASSWORD, not \"%s\"", text);
    cfg->n_turn++;
    return 0;
}

static int run_peer(it_cli *o, peer_io *io, it_itp_peer_cfg cfg)
{
    it_addr bases[IT_CLI_LISTEN];
    cfg.bases = bases;
    for (; cfg.n_bases < (size_t)o->n_listen; cfg.n_bases++) {
        bases[cfg.n_bases] = o->listen[cfg.n_bases].addr;
        if (!o->listen[cfg.n_bases].has_port)
            bases[cfg.n_bases].port = 0;
    }
    io->p = it_itp_peer_new(&cfg);
    int err = IT_ERR_NOMEM;
    if (io->p)
        err = converse(cfg.loop, io);
    it_itp_peer_free(io->p);
    io->p = NULL;
    return err;
}

int it_cmd_peer(it_cli *o)
{
    peer_io io = {.p = NULL, .well = true};
    it_itp_peer_cfg peer = {.alloc = o->run.alloc, .talk = o->talk, .note = note_line, .self = &io};
    if (!o->talk && o->n_stun + o->n_turn > 0)
        return it_cli_fail(IT_EXIT_USAGE, "peer: --stun and --turn are for --b; by itp/1 \"create\" names servers");
    for (int i = 0; i < o->n_stun; i++) {
        int code = add_stun(&peer, o->stun[i]);
        if (code)
            return code;
    }
    for (int i = 0; i < o->n_turn; i++) {
        int code = add_turn(&peer, o->turn_uri[i]);
        if (code)
            return code;
    }
    it_loop_cfg cfg = {.alloc = o->run.alloc, .clock = IT_CLOCK_WALL, .ready = has_lines, .log = log_line, .self = &io};
    int err = it_ossl_init();
    if (err == 0)
        err = it_ossl_use_system();
    it_dtls_shared *shared = err == 0 ? it_dtls_shared_new(o->run.alloc) : NULL;
    it_loop *l = it_loop_new(&cfg);
    if (err == 0)
        err = IT_ERR_NOMEM;
    if (l && shared)
        err = it_loop_stop_on_signals(l);
    peer.loop = io.l = l;
    peer.shared = shared;
    if (err == 0)
        err = run_peer(o, &io, peer);
    it_loop_free(l);
    it_dtls_shared_free(shared);
    it_ossl_fini();
    if (err < 0)
        return it_cli_fail(IT_EXIT_INTERNAL, "peer: %s", it_err_str(err));
    if (io.no)
        return it_cli_fail(IT_EXIT_INTERNAL, "peer: standard output: %s", strerror(io.no));
    return io.well ? IT_EXIT_EXPECTED : IT_EXIT_UNEXPECTED;
}
