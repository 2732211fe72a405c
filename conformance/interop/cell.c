/* One cell: from two commands to a verdict. */
#include "conformance/interop/cell.h"

#include "conformance/interop/dialog.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STARTS (15 * IT_SEC)  /* our server, on a busy machine */
#define GATHERS (15 * IT_SEC) /* libnice waits for its servers */
#define CONNECTS (20 * IT_SEC)
#define SHAKES (20 * IT_SEC) /* DTLS */
#define SENDS (10 * IT_SEC)
#define TURN(transport) "turn:" IT_INTEROP_SERVER ":3478?transport=" transport ",user,secret"
#define HOLDS (36 * IT_SEC) /* longer than consent lasts: RFC 7675 section 5.1 */

typedef struct cell {
    const it_interop_cell_cfg *cfg;
    it_interop_result *out;
    it_interop_dialog d;
    it_interop_net net;
    it_interop_proc server, tcpdump;
    char ip_log[512];
} cell;

const char *it_interop_verdict_name(it_interop_verdict v)
{
    static const char *const NAMES[] = {"pass", "fail", "cannot", "broken", "skip"};
    return NAMES[v];
}

static void cell_path(const cell *c, const char *suffix, char out[512])
{
    snprintf(out, 512, "%s/%s%s", c->cfg->dir, c->cfg->name, suffix);
}

IT_PRINTF(3, 4) static bool cell_end(cell *c, it_interop_verdict v, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    c->out->verdict = v;
    vsnprintf(c->out->why, sizeof c->out->why, fmt, ap);
    va_end(ap);
    return false;
}

/* It has not come to what was waited for: an adapter's fault in itp/1 goes before one of the feature. */
static bool cell_fail(cell *c, const char *what)
{
    const it_interop_dialog *d = &c->d;
    const char *said = d->side[1].error[0] ? d->side[1].error : d->side[0].error;
    if (d->trouble[0])
        return cell_end(c, IT_INTEROP_BROKEN, "%s", d->trouble);
    return cell_end(c, IT_INTEROP_FAIL, "%s%s%s", what, *said ? "; last error: " : "", said);
}

/* --- what is waited for --- */

static bool both_said_hello(const it_interop_dialog *d)
{
    return d->side[0].hello && d->side[0].honest && d->side[1].hello && d->side[1].honest;
}

static bool both_gathered(const it_interop_dialog *d)
{
    return d->side[0].gathered && d->side[1].gathered;
}

static bool both_up(const it_interop_dialog *d)
{
    return d->side[0].state == IT_INTEROP_UP && d->side[1].state == IT_INTEROP_UP;
}

static bool both_up_or_failed(const it_interop_dialog *d)
{
    return both_up(d) || d->side[0].state == IT_INTEROP_FAILED || d->side[1].state == IT_INTEROP_FAILED;
}

static bool both_secure(const it_interop_dialog *d)
{
    return d->side[0].secure == IT_INTEROP_SECURE && d->side[1].secure == IT_INTEROP_SECURE;
}

static bool all_bytes(const it_interop_dialog *d)
{
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < IT_INTEROP_PIECES; k++)
            if (!d->side[i].got[k])
                return false;
    return true;
}

static bool all_restarted(const it_interop_dialog *d)
{
    return d->side[0].locals > 1 && d->side[1].locals > 1 && both_gathered(d) && !d->side[0].n_mail &&
           !d->side[1].n_mail;
}

static bool we_lost(const it_interop_dialog *d)
{
    return d->side[0].state == IT_INTEROP_LOST || d->side[0].state == IT_INTEROP_FAILED;
}

static bool anyone_lost(const it_interop_dialog *d)
{
    return !both_up(d);
}

static bool they_lost(const it_interop_dialog *d)
{
    return d->side[1].state == IT_INTEROP_LOST || d->side[1].state == IT_INTEROP_FAILED;
}

static bool dtls_over(const it_interop_dialog *d)
{
    it_interop_secure s = d->side[d->feature->who].secure;
    return s == IT_INTEROP_REFUSED || s == IT_INTEROP_UNSECURE || s == IT_INTEROP_ENDED;
}

static bool never(const it_interop_dialog *d)
{
    (void)d;
    return false;
}

/* --- steps --- */

/* The server says where it listens. */
static bool cell_serve(cell *c)
{
    char log[512];
    it_bytes line;
    it_time end = it_interop_now() + STARTS;
    cell_path(c, ".server.log", log);
    int err = it_interop_net_translate(&c->net, c->ip_log);
    if (err < 0)
        return cell_end(c, IT_INTEROP_SKIP, "there is no nft to make a NAT with (%s)", it_err_str(err));
    err = it_interop_start(&c->server, &c->d.alloc, c->cfg->server, c->net.side[0], log);
    while (err == 0 && !c->server.eof && it_interop_now() < end) {
        err = it_interop_take(&c->server);
        if (it_interop_line_next(&c->server, &line))
            return true;
        usleep(5000);
    }
    return cell_end(c, IT_INTEROP_BROKEN, "our STUN server does not start");
}

/* True once somebody accepts streams at the server's address. */
static bool cell_answers(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(3478)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, IT_INTEROP_SERVER, &at.sin_addr);
    bool ok = fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The relay of side |who|, and a wall that leaves no other way. */
static bool cell_relay(cell *c)
{
    char log[512];
    char *const *argv = c->cfg->relays[c->d.feature->who];
    it_time end = it_interop_now() + STARTS;
    cell_path(c, ".server.log", log);
    if (!argv)
        return cell_end(c, IT_INTEROP_SKIP, "there is no TURN server (coturn)");
    int err = it_interop_net_relay(&c->net, c->ip_log);
    if (err < 0)
        return cell_end(c, IT_INTEROP_SKIP, "there is no nft to make a wall with (%s)", it_err_str(err));
    err = it_interop_start(&c->server, &c->d.alloc, argv, c->net.side[0], log);
    while (err == 0 && !c->server.eof && it_interop_now() < end) {
        err = it_interop_take(&c->server);
        if (cell_answers())
            return true;
        usleep(20000);
    }
    return cell_end(c, IT_INTEROP_BROKEN, "the TURN server does not start");
}

/* Whether both sides open at once (RFC 6544 section 4.1). */
static bool is_so(const it_interop_feature *f)
{
    return f->tcp && strcmp(f->tcp, "so") == 0;
}

/* The servers and walls that the feature has around the two sides. */
static bool cell_surround(cell *c)
{
    const it_interop_feature *f = c->d.feature;
    if (f->stun && !cell_serve(c))
        return false;
    if (f->relay && !cell_relay(c))
        return false;
    int err = is_so(f) ? it_interop_net_wall(&c->net, c->ip_log) : 0;
    return err == 0 || cell_end(c, IT_INTEROP_SKIP, "there is no nft to make a wall with (%s)", it_err_str(err));
}

static void cell_capture(cell *c)
{
    char pcap[512], log[512];
    struct stat st;
    cell_path(c, ".pcap", pcap);
    cell_path(c, ".tcpdump.log", log);
    char *const argv[] = {"tcpdump", "-i", "wire", "-U", "--immediate-mode", "-Z", "root", "-w", pcap, NULL};
    if (!c->cfg->capture || it_interop_start(&c->tcpdump, &c->d.alloc, argv, c->net.side[0], log) < 0)
        return;
    it_time end = it_interop_now() + 2 * IT_SEC;
    while (it_interop_now() < end && (stat(pcap, &st) < 0 || st.st_size == 0))
        usleep(10000);
}

static bool cell_begin(cell *c)
{
    static const char *const LOGS[] = {".ours.log", ".theirs.log"};
    it_interop_dialog *d = &c->d;
    char nonsense[32];
    int err = it_interop_net_make(&c->net, d->feature->families, c->ip_log);
    if (err == IT_ERR_UNSUPPORTED)
        return cell_end(c, IT_INTEROP_SKIP, "this machine gives no network namespaces with a link between");
    if (err < 0)
        return cell_end(c, IT_INTEROP_BROKEN, "the namespaces cannot be set up: see %s", c->ip_log);
    if (!cell_surround(c))
        return false;
    cell_capture(c);
    for (int i = 0; i < 2; i++) {
        char log[512];
        cell_path(c, LOGS[i], log);
        if (it_interop_start(&d->side[i].proc, &d->alloc, c->cfg->argv[i], c->net.side[i], log) < 0)
            return cell_end(c, IT_INTEROP_BROKEN, "%s cannot be started", c->cfg->argv[i][0]);
        it_interop_tell(d, i, 0, "hello", "#v", "1");
        it_interop_tell(d, i, 0,
                        it_interop_nonsense(d, nonsense)); /* an honest adapter says that it has no such thing */
    }
    bool ok = it_interop_carry(d, both_said_hello, c->cfg->patience * IT_SEC);
    for (int i = 0; i < 2; i++) {
        snprintf(c->out->impl[i], sizeof c->out->impl[i], "%s", d->side[i].impl);
        snprintf(c->out->version[i], sizeof c->out->version[i], "%s", d->side[i].version);
    }
    if (ok)
        return true;
    if (d->trouble[0])
        return cell_fail(c, "");
    const char *what = d->side[0].hello && d->side[1].hello ? "an operation that there is not is not answered as such"
                                                            : "no answer to hello";
    return cell_end(c, IT_INTEROP_BROKEN, "%s: %s", d->side[0].hello && d->side[0].honest ? "they" : "we", what);
}

static bool cell_able(cell *c)
{
    const it_interop_feature *f = c->d.feature;
    const char *need[] = {f->ours, f->theirs};
    for (int i = 0; i < 2; i++)
        if (*need[i] && !it_interop_has(c->d.side[i].caps, need[i]))
            return cell_end(c, IT_INTEROP_CANNOT, "%s: no %s", c->d.side[i].impl, need[i]);
    return true;
}

/* The fingerprint |fp| with its last digit another one. */
static void cell_forge(char *fp)
{
    size_t n = strlen(fp);
    if (n)
        fp[n - 1] = fp[n - 1] == '0' ? '1' : '0';
}

static void cell_dtls(cell *c)
{
    it_interop_dialog *d = &c->d;
    for (int i = 0; i < 2; i++) {
        bool active = d->feature->client == (i == 0);
        char fp[160];
        snprintf(fp, sizeof fp, "%s", d->side[!i].fp);
        if (d->feature->then == IT_INTEROP_THEN_REFUSED && d->feature->who == i)
            cell_forge(fp);
        it_interop_tell(d, i, 0, "dtls", "setup", active ? "active" : "passive", "fp", fp);
    }
}

/* What the session of side |i| is created with besides, a member's name and value; NULL: nothing. */
static const char *cell_member(const it_interop_feature *f, int i, const char **value)
{
    if (f->tcp) {
        *value = i && !is_so(f) ? "active,passive" : f->tcp;
        return "tcp";
    }
    if (f->relay && f->who == i) {
        *value = f->relay == IT_INTEROP_RELAY_TCP ? TURN("tcp") : TURN("udp");
        return "turn";
    }
    *value = IT_INTEROP_SERVER ":3478";
    return f->stun && i == 1 ? "stun" : NULL;
}

static void cell_create(cell *c, int i)
{
    const it_interop_feature *f = c->d.feature;
    const char *role = f->controlling[i] ? "controlling" : "controlled";
    const char *lite = f->lite[i] ? "1" : "0", *udp = f->tcp ? "0" : "1", *value;
    const char *key = cell_member(f, i, &value);
    it_interop_tell(&c->d, i, 0, "create", "role", role, "#lite", lite, "#udp", udp, key, value);
}

/* Both sides have told candidates of the families and transports that the feature is about. */
static bool cell_offers(cell *c)
{
    const it_interop_dialog *d = &c->d;
    for (int i = 0; i < 2; i++) {
        if (d->feature->tcp && d->side[i].by_udp)
            return cell_fail(c, i ? "they told a candidate by UDP" : "we told a candidate by UDP");
        if (d->feature->families == IT_INTEROP_DUAL && d->side[i].families != IT_INTEROP_DUAL)
            return cell_fail(c, "only one family is offered");
    }
    return true;
}

static bool cell_gather(cell *c)
{
    const it_interop_dialog *d = &c->d;
    for (int i = 0; i < 2; i++) {
        cell_create(c, i);
        it_interop_tell(&c->d, i, 0, "gather");
    }
    if (!it_interop_carry(&c->d, both_gathered, GATHERS))
        return cell_fail(c, "candidates are not gathered");
    if (d->feature->stun && !d->side[1].mapped)
        return cell_fail(c, "no server-reflexive candidate " IT_INTEROP_MAPPED " came of our server");
    if (d->feature->relay && !d->side[d->feature->who].relayed)
        return cell_fail(c, "no relayed candidate came of the server");
    return cell_offers(c);
}

/* In trickle ICE checks have begun already. */
static void cell_start(cell *c)
{
    if (c->d.feature->dtls)
        cell_dtls(c);
    for (int i = 0; i < 2 && c->d.held; i++) {
        it_interop_release(&c->d, i);
        it_interop_tell(&c->d, i, 0, "start");
    }
    c->d.held = false;
}

static bool cell_connect(cell *c)
{
    const it_interop_dialog *d = &c->d;
    if (!cell_gather(c))
        return false;
    cell_start(c);
    if (it_interop_carry(&c->d, both_up_or_failed, CONNECTS) && both_up(d))
        return true;
    if (d->side[0].state == IT_INTEROP_UP)
        return cell_fail(c, "we are connected, they are not");
    return cell_fail(c, d->side[1].state == IT_INTEROP_UP ? "they are connected, we are not" : "neither is connected");
}

/* Bytes both ways; a datagram may be lost while one side is not ready yet, so what is missing goes again. */
static bool cell_bytes(cell *c)
{
    it_interop_dialog *d = &c->d;
    it_time end = it_interop_now() + SENDS;
    d->round++;
    for (int i = 0; i < 2; i++)
        memset(d->side[i].got, 0, sizeof d->side[i].got);
    do {
        it_interop_tell_bytes(d, 0);
        it_interop_tell_bytes(d, 1);
        if (it_interop_carry(d, all_bytes, IT_SEC))
            return true;
    } while (!d->trouble[0] && it_interop_now() < end);
    return cell_fail(c, "not all bytes came over");
}

static bool cell_restart(cell *c)
{
    it_interop_dialog *d = &c->d;
    it_interop_tell(d, d->feature->who, 0, "restart");
    if (!it_interop_carry(d, all_restarted, GATHERS))
        return cell_fail(c, "not both have new credentials and candidates (RFC 8445 section 9)");
    (void)it_interop_carry(d, never, 2 * IT_SEC); /* states follow */
    if (!it_interop_carry(d, both_up, CONNECTS))
        return cell_fail(c,
                         d->side[0].state == IT_INTEROP_UP ? "they do not connect again" : "we do not connect again");
    return cell_bytes(c);
}

static bool cell_hold(cell *c)
{
    if (it_interop_carry(&c->d, anyone_lost, HOLDS) || c->d.trouble[0])
        return cell_fail(c, we_lost(&c->d) ? "we lost it while it was alive" : "they lost it while it was alive");
    return cell_bytes(c);
}

/* RFC 7675 section 5.1: consent ends 30 s after the last valid response, and requests go every 5 s, less or more 20 %:
 * of the time since the cut 24 to 30 s. Half a second more or less is the machine's. */
static bool cell_cut(cell *c)
{
    it_interop_dialog *d = &c->d;
    (void)it_interop_carry(d, never, 2 * IT_SEC);
    it_time cut = it_interop_now();
    if (it_interop_net_cut(&c->net, c->ip_log) < 0)
        return cell_end(c, IT_INTEROP_BROKEN, "the link cannot be cut: see %s", c->ip_log);
    if (!it_interop_carry(d, we_lost, 40 * IT_SEC))
        return cell_fail(c, "we did not notice within 40 s");
    it_time ours = d->side[0].state_at - cut;
    char theirs[64] = "they within 45 s did not";
    it_time left = 45 * IT_SEC - (it_interop_now() - cut);
    if (it_interop_carry(d, they_lost, left > 0 ? left : 0))
        snprintf(theirs, sizeof theirs, "they after %d ms", (int)((d->side[1].state_at - cut) / IT_MS));
    bool in_time = ours >= 23500 * IT_MS && ours <= 30500 * IT_MS;
    return cell_end(c, in_time ? IT_INTEROP_PASS : IT_INTEROP_FAIL, "noticed after %d ms, %s", (int)(ours / IT_MS),
                    theirs);
}

/* The one that was told another fingerprint has to end it, and to know why: a handshake may fail for many reasons. */
static bool cell_refuse(cell *c)
{
    const it_interop_side *s = &c->d.side[c->d.feature->who];
    if (!it_interop_carry(&c->d, dtls_over, SHAKES))
        return cell_fail(c, "another fingerprint is not refused (RFC 8122 section 6.2)");
    if (s->secure != IT_INTEROP_REFUSED)
        return cell_end(c, IT_INTEROP_FAIL, "DTLS ended, but not because of the fingerprint: %s%s",
                        s->secure == IT_INTEROP_ENDED ? "closed " : "", s->why);
    return cell_end(c, IT_INTEROP_PASS, "refused");
}

static bool cell_then(cell *c)
{
    const it_interop_feature *f = c->d.feature;
    if (f->then == IT_INTEROP_THEN_REFUSED)
        return cell_refuse(c);
    if (f->dtls && !it_interop_carry(&c->d, both_secure, SHAKES))
        return cell_fail(c, "DTLS is not connected");
    if (!cell_bytes(c))
        return false;
    switch (f->then) {
    case IT_INTEROP_THEN_RESTART:
        return cell_restart(c);
    case IT_INTEROP_THEN_HELD:
        return cell_hold(c);
    case IT_INTEROP_THEN_CUT:
        return cell_cut(c);
    case IT_INTEROP_THEN_DATA:
    case IT_INTEROP_THEN_REFUSED:
        break;
    }
    return true;
}

static void cell_end_server(cell *c)
{
    bool killed;
    if (c->server.pid <= 0)
        return;
    kill(c->server.pid, SIGTERM);
    int status = it_interop_end(&c->server, 5 * IT_SEC, &killed);
    bool ours = !c->d.feature->relay || c->d.feature->who == 1;
    if (ours && (status || killed) && !c->d.trouble[0])
        snprintf(c->d.trouble, sizeof c->d.trouble, "our server ended with status %d", status);
}

/* How the processes have ended is a part of the result. */
static void cell_judge_end(cell *c)
{
    char why[sizeof c->out->why];
    if (!c->d.trouble[0] || c->out->verdict == IT_INTEROP_SKIP || c->out->verdict == IT_INTEROP_BROKEN)
        return;
    snprintf(why, sizeof why, "%s", c->out->verdict == IT_INTEROP_FAIL ? c->out->why : "");
    (void)cell_end(c, IT_INTEROP_BROKEN, "%s%s%s", why, *why ? "; then " : "", c->d.trouble);
}

static void cell_finish(cell *c)
{
    for (int i = 0; i < 2; i++)
        if (c->d.side[i].proc.in >= 0)
            it_interop_tell(&c->d, i, 0, "close");
    if (!c->d.trouble[0])
        (void)it_interop_carry(&c->d, never, 20 * IT_MS);
    bool before = c->d.trouble[0];
    it_interop_dialog_fini(&c->d);
    cell_end_server(c);
    if (c->tcpdump.pid > 0)
        kill(c->tcpdump.pid, SIGTERM);
    it_interop_end(&c->tcpdump, IT_SEC, NULL);
    it_interop_net_end(&c->net);
    if (!before)
        cell_judge_end(c);
}

/* Of a cell that passed nothing is kept but its transcript, unless all is. */
static void cell_tidy(const cell *c)
{
    static const char *const FILES[] = {".pcap", ".tcpdump.log", ".ours.log", ".theirs.log", ".server.log", ".ip.log"};
    char path[512];
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        struct stat st;
        cell_path(c, FILES[i], path);
        bool empty = stat(path, &st) == 0 && st.st_size == 0;
        bool passed = c->out->verdict == IT_INTEROP_PASS || c->out->verdict == IT_INTEROP_CANNOT;
        if (empty || (passed && !c->cfg->keep))
            unlink(path);
    }
}

void it_interop_cell(it_interop_result *out, const it_interop_cell_cfg *cfg)
{
    static const it_interop_proc NONE = {.pid = -1, .in = -1, .out = -1};
    cell *c = calloc(1, sizeof *c);
    char path[512];
    it_time began = it_interop_now();
    *out = (it_interop_result){.verdict = IT_INTEROP_BROKEN, .why = "no memory"};
    if (!c)
        return;
    c->cfg = cfg;
    c->out = out;
    c->net = (it_interop_net){-1, {-1, -1}, IT_INTEROP_IPV4};
    c->server = c->tcpdump = NONE;
    cell_path(c, ".ip.log", c->ip_log);
    cell_path(c, ".txt", path);
    FILE *transcript = fopen(path, "w");
    it_interop_dialog_init(&c->d, cfg->feature, transcript);
    c->d.seed = cfg->seed;
    it_str_init(&c->server.read, &c->d.alloc);
    it_str_init(&c->tcpdump.read, &c->d.alloc);
    out->why[0] = '\0';
    if (cell_begin(c) && cell_able(c) && cell_connect(c) && cell_then(c))
        out->verdict = IT_INTEROP_PASS;
    out->ms = (int)((it_interop_now() - began) / IT_MS);
    cell_finish(c);
    if (transcript)
        fclose(transcript);
    cell_tidy(c);
    free(c);
}
