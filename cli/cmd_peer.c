/* peer: the project's own ICE and DTLS on real sockets, speaking itp/1 on standard input and output. */
#include "cli/args.h"

#include "lab/itp/peer.h"
#include "stack/crypto/ossl.h"

#include <errno.h>
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
    bool writing; /* poll waits for room for what was there to write */
} peer_io;

/* Lines have come while there was none to write. */
static bool has_lines(void *self)
{
    const peer_io *io = self;
    return io->p && !io->writing && it_itp_peer_output(io->p).n > 0;
}

/* Writes what waits. Returns 0, or -1 when nobody reads it any more. */
static int write_some(it_itp_peer *p)
{
    it_bytes out = it_itp_peer_output(p);
    ssize_t n = write(STDOUT_FILENO, out.p, out.n < CHUNK ? out.n : CHUNK);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -1;
    it_itp_peer_written(p, (size_t)n);
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

/* Lets the rest be written, as long as somebody reads it. */
static void drain(it_itp_peer *p)
{
    struct pollfd f = {STDOUT_FILENO, POLLOUT, 0};
    while (it_itp_peer_output(p).n && poll(&f, 1, DRAIN_MS) > 0 && write_some(p) == 0)
        continue;
}

/* Goes on until the input ends or a signal comes, then lets everything be written. */
static int converse(it_loop *l, peer_io *io)
{
    it_itp_peer *p = io->p;
    int rc = 0;
    while (rc == 0) {
        it_bytes out = it_itp_peer_output(p);
        struct pollfd f[] = {{it_itp_peer_hears(p) ? STDIN_FILENO : -1, POLLIN, 0},
                             {out.n ? STDOUT_FILENO : -1, POLLOUT, 0}};
        io->writing = out.n > 0;
        rc = it_loop_wait(l, IT_NEVER, f, 2);
        if (rc < 0 || rc == IT_LOOP_STOPPED)
            break;
        rc = 0;
        if (f[1].revents && write_some(p) < 0)
            return 0; /* the reader has gone */
        if (f[0].revents)
            rc = read_some(p);
    }
    if (rc < 0)
        return rc;
    int err = it_itp_peer_eof(p);
    drain(p);
    return err;
}

static int run_peer(it_cli *o, it_loop *l, peer_io *io, it_dtls_shared *shared)
{
    it_addr bases[IT_CLI_LISTEN];
    it_itp_peer_cfg cfg = {.alloc = o->run.alloc, .loop = l, .shared = shared, .bases = bases};
    for (; cfg.n_bases < (size_t)o->n_listen; cfg.n_bases++) {
        bases[cfg.n_bases] = o->listen[cfg.n_bases].addr;
        if (!o->listen[cfg.n_bases].has_port)
            bases[cfg.n_bases].port = 0;
    }
    io->p = it_itp_peer_new(&cfg);
    int err = IT_ERR_NOMEM;
    if (io->p)
        err = converse(l, io);
    it_itp_peer_free(io->p);
    io->p = NULL;
    return err;
}

int it_cmd_peer(it_cli *o)
{
    peer_io io = {.p = NULL};
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
    if (err == 0)
        err = run_peer(o, l, &io, shared);
    it_loop_free(l);
    it_dtls_shared_free(shared);
    it_ossl_fini();
    if (err < 0)
        return it_cli_fail(IT_EXIT_INTERNAL, "peer: %s", it_err_str(err));
    return IT_EXIT_EXPECTED;
}
