/* Operations of itp/1. */
#include "lab/itp/peer_impl.h"

#include "lab/itp/base64.h"
#include "lab/itp/impl.h"

#include "base/version.h"

#include <stdio.h>
#include <string.h>

/* --- lines out --- */

static void put_member_id(it_json *j, const char *id)
{
    if (*id)
        it_json_raw(j, "id", id);
}

void itp_peer_error(it_itp_peer *p, const peer_op *op, const char *why)
{
    it_json j;
    it_json_init(&j, &p->out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "ev", "error");
    if (op)
        put_member_id(&j, op->id);
    if (op && op->op)
        it_json_str(&j, "op", op->op);
    it_json_str(&j, "why", why);
    it_json_int(&j, "fatal", 0);
    it_json_end_obj(&j);
    it_json_newline(&j);
}

static int tell_result(it_itp_peer *p, const peer_op *op, it_itp_result r)
{
    if (r.err == IT_ERR_NOMEM)
        return r.err;
    if (r.err < 0)
        itp_peer_error(p, op, r.why);
    return 0;
}

/* --- members of an operation --- */

static const char *text_of(const peer_op *op, const char *key)
{
    return json_string_value(json_object_get(op->m, key));
}

/* A whole number; |otherwise| where there is none, and false where it is something else or not from |lo| to |hi|. */
static bool number_of(const peer_op *op, const char *key, int64_t otherwise, int64_t lo, int64_t hi, int64_t *v)
{
    const json_t *x = json_object_get(op->m, key);
    *v = otherwise;
    if (!x || json_is_null(x))
        return true;
    if (json_is_boolean(x))
        *v = json_is_true(x);
    else if (json_is_integer(x))
        *v = json_integer_value(x);
    else
        return false;
    return *v >= lo && *v <= hi;
}

static bool flag_of(const peer_op *op, const char *key)
{
    int64_t v;
    return number_of(op, key, 0, 0, 1, &v) && v;
}

/* |*controlling| from the member "role"; false when it is neither. */
static bool read_role(const peer_op *op, bool *controlling)
{
    const char *role = text_of(op, "role");
    if (!role)
        return false;
    *controlling = strcmp(role, "controlling") == 0;
    return *controlling || strcmp(role, "controlled") == 0;
}

int it_itp_turn(it_ice_turn *t, const char *text)
{
    char uri[512];
    it_turn_uri u;
    const char *user = strchr(text, ','), *password = user ? strchr(user + 1, ',') : NULL;
    char name[IT_ICE_TURN_NAME];
    if (!password || (size_t)(user - text) >= sizeof uri || (size_t)(password - user) > sizeof name)
        return IT_ERR_PARSE;
    snprintf(uri, sizeof uri, "%.*s", (int)(user - text), text);
    snprintf(name, sizeof name, "%.*s", (int)(password - user - 1), user + 1);
    int err = it_turn_uri_parse(&u, uri, NULL);
    if (err == 0 && u.secure) /* no roots are trusted here */
        return IT_ERR_UNSUPPORTED;
    return err < 0 ? err : it_ice_turn_of_uri(t, &u, NULL, 0, name, password + 1);
}

/* --- sessions --- */

static peer_session *session_of(it_itp_peer *p, const char *id)
{
    for (int i = 0; i < IT_ITP_SESSIONS; i++)
        if (strcmp(p->sessions[i].id, id) == 0)
            return &p->sessions[i];
    return NULL;
}

/* Reads "ADDRESS:PORT,..." into |cfg|. */
static bool read_stun(const char *text, it_itp_session_cfg *cfg)
{
    while (text && *text) {
        char one[IT_ADDR_TEXT + 8];
        size_t n = strcspn(text, ",");
        if (n >= sizeof one || cfg->n_stun == IT_ICE_SERVERS_MAX)
            return false;
        memcpy(one, text, n);
        one[n] = '\0';
        const char *addr = strncmp(one, "stun:", 5) == 0 ? one + 5 : one;
        if (it_addr_parse(&cfg->stun[cfg->n_stun], addr) < 0 || !cfg->stun[cfg->n_stun].port)
            return false;
        cfg->n_stun++;
        text += n + (text[n] == ',');
    }
    return true;
}

/* Reads "turn:ADDRESS:PORT?transport=tcp,USER,PASSWORD ..." into |cfg|. */
static bool read_turn(const char *text, it_itp_session_cfg *cfg)
{
    while (text && *text) {
        char one[512];
        size_t n = strcspn(text, " ");
        if (n >= sizeof one || cfg->n_turn == IT_ICE_TURN_MAX)
            return false;
        memcpy(one, text, n);
        one[n] = '\0';
        if (it_itp_turn(&cfg->turn[cfg->n_turn++], one) < 0)
            return false;
        text += n;
        text += strspn(text, " ");
    }
    return true;
}

/* Reads the times that "create" may name. Returns NULL, or what is wrong. */
static const char *read_times(const peer_op *op, it_itp_session_cfg *cfg)
{
    int64_t ta, rto;
    bool good = number_of(op, "ta", 0, 0, IT_ICE_TA_MAX / IT_US, &ta);
    if (!good || (ta && ta * IT_US < IT_ICE_TA_MIN))
        return "ta is in microseconds, 5000 at least (RFC 8445 section 14.2)";
    if (!number_of(op, "rto", 0, 0, 3600 * 1000000LL, &rto))
        return "rto is in microseconds";
    cfg->ta = ta * IT_US;
    cfg->rto = rto * IT_US;
    return NULL;
}

/* Reads which candidates by TCP there are, words with commas between. False when one is none of these. */
static bool read_tcp(const char *text, unsigned *tcp)
{
    static const struct {
        const char *word;
        unsigned what;
    } WORDS[] = {{"active", IT_ICE_WITH_ACTIVE}, {"passive", IT_ICE_WITH_PASSIVE}, {"so", IT_ICE_WITH_SO}};
    const size_t n_words = sizeof WORDS / sizeof *WORDS;
    while (text && *text) {
        size_t n = strcspn(text, ","), i = 0;
        while (i < n_words && (strlen(WORDS[i].word) != n || strncmp(WORDS[i].word, text, n) != 0))
            i++;
        if (i == n_words)
            return false;
        *tcp |= WORDS[i].what;
        text += n + (text[n] == ',');
    }
    return true;
}

/* Reads the transports of candidates. Returns NULL, or what is wrong. */
static const char *read_transports(const peer_op *op, it_itp_session_cfg *cfg)
{
    int64_t udp;
    if (!read_tcp(text_of(op, "tcp"), &cfg->tcp))
        return "tcp is active, passive, so or some of these with commas between (RFC 6544 section 4.5)";
    if (!number_of(op, "udp", 1, 0, 1, &udp) || (!udp && !cfg->tcp))
        return "udp is 0 or 1, and 1 without tcp";
    cfg->no_udp = !udp;
    return NULL;
}

/* Reads what "create" says. Returns NULL, or what is wrong. */
static const char *read_create(const peer_op *op, it_itp_session_cfg *cfg)
{
    int64_t components, lite;
    if (!read_role(op, &cfg->controlling))
        return "role is controlling or controlled";
    if (!number_of(op, "components", 1, 1, IT_ITP_COMPONENTS, &components))
        return "components is a number from 1 to 8";
    cfg->components = (int)components;
    if (!number_of(op, "lite", 0, 0, 1, &lite))
        return "lite is 0 or 1";
    cfg->lite = lite;
    if (!read_stun(text_of(op, "stun"), cfg))
        return "stun is ADDRESS:PORT, at most four of them with commas between";
    if (!read_turn(text_of(op, "turn"), cfg))
        return "turn is turn:ADDRESS:PORT?transport=udp,USER,PASSWORD or tcp, at most eight with blanks between";
    const char *why = read_transports(op, cfg);
    return why ? why : read_times(op, cfg);
}

static it_dtls_cert *new_cert(it_itp_peer *p, uint64_t seed)
{
    it_rng r;
    it_rng_init(&r, seed, "itp/cert");
    return it_dtls_cert_new(p->alloc, &r, it_loop_date());
}

static int op_create(it_itp_peer *p, peer_op *op)
{
    it_itp_session_cfg cfg = {.alloc = p->alloc, .id = op->id, .shared = p->cfg.shared, .out = &p->out};
    const char *why = read_create(op, &cfg);
    peer_session *at = session_of(p, "");
    if (op->session)
        why = "there is one of that id";
    else if (!at && !why)
        why = "there are 64 of them already";
    if (why) {
        itp_peer_error(p, op, why);
        return 0;
    }
    if (it_loop_seed(&cfg.seed) < 0)
        return IT_ERR_IO;
    cfg.cert = new_cert(p, cfg.seed);
    it_itp_session *s = NULL;
    if (cfg.cert)
        s = it_itp_session_new(&cfg);
    if (!s)
        return IT_ERR_NOMEM;
    it_loop_app_cfg app = {.name = "peer", .bases = p->cfg.bases, .n_bases = p->cfg.n_bases};
    it_addr bad = {{0, 0}, 0};
    int number = it_loop_add(p->cfg.loop, &it_itp_session_ops, s, &app, &bad);
    if (number < 0 && number != IT_ERR_NOMEM) {
        char text[IT_ADDR_TEXT], sentence[160];
        snprintf(sentence, sizeof sentence, "%s: %s", it_addr_text(bad, text), it_err_str(number));
        itp_peer_error(p, op, sentence);
        return 0;
    }
    if (number < 0)
        return number;
    at->app = number;
    snprintf(at->id, sizeof at->id, "%s", op->id);
    return 0;
}

static void tell_closed(it_itp_peer *p, const char *id)
{
    it_json j;
    it_json_init(&j, &p->out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "ev", "closed");
    put_member_id(&j, id);
    it_json_end_obj(&j);
    it_json_newline(&j);
}

void itp_peer_close(it_itp_peer *p, peer_session *at)
{
    it_itp_session *s = it_loop_app(p->cfg.loop, at->app);
    it_itp_close(s, it_loop_now(p->cfg.loop));
    it_loop_remove(p->cfg.loop, at->app);
    tell_closed(p, at->id);
    at->id[0] = '\0';
}

/* --- operations --- */

static int op_hello(it_itp_peer *p, peer_op *op)
{
    it_json j;
    int64_t v;
    if (!number_of(op, "v", 1, 1, 1, &v)) {
        itp_peer_error(p, op, "the version that is spoken here is 1");
        return 0;
    }
    it_json_init(&j, &p->out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "ev", "hello");
    it_json_int(&j, "v", 1);
    it_json_str(&j, "impl", "icetank");
    it_json_str(&j, "version", IT_VERSION);
    it_json_str(&j, "mode", "live");
    it_json_str(&j, "caps", "agent,stun,turn,trickle,restart,lite,consent,dtls,tcp,tcpso");
    it_json_str(&j, "profile", "8445,8489");
    it_json_end_obj(&j);
    it_json_newline(&j);
    return 0;
}

static int op_gather(it_itp_peer *p, peer_op *op)
{
    return tell_result(p, op, it_itp_gather(op->s, it_loop_now(p->cfg.loop)));
}

static int op_remote(it_itp_peer *p, peer_op *op)
{
    const char *ufrag = text_of(op, "ufrag"), *pwd = text_of(op, "pwd");
    if (!ufrag || !pwd) {
        itp_peer_error(p, op, "ufrag and pwd are missing");
        return 0;
    }
    return tell_result(p, op, it_itp_remote(op->s, it_loop_now(p->cfg.loop), ufrag, pwd, flag_of(op, "lite")));
}

static int op_rcand(it_itp_peer *p, peer_op *op)
{
    const char *c = text_of(op, "c");
    if (!c) {
        itp_peer_error(p, op, "c, a candidate, is missing");
        return 0;
    }
    return tell_result(p, op, it_itp_rcand(op->s, it_loop_now(p->cfg.loop), c));
}

static int op_eoc(it_itp_peer *p, peer_op *op)
{
    return tell_result(p, op, it_itp_eoc(op->s, it_loop_now(p->cfg.loop)));
}

static int op_start(it_itp_peer *p, peer_op *op)
{
    return tell_result(p, op, it_itp_start(op->s, it_loop_now(p->cfg.loop)));
}

static int op_send(it_itp_peer *p, peer_op *op)
{
    int64_t component;
    const char *b64 = text_of(op, "b64");
    it_str data;
    int err = 0;
    if (!number_of(op, "comp", 1, 1, IT_ITP_COMPONENTS, &component) || !b64) {
        itp_peer_error(p, op, b64 ? "comp is a number from 1 to 8" : "b64, the datagram, is missing");
        return 0;
    }
    it_str_init(&data, p->alloc);
    err = it_base64_read(&data, it_bytes_str(b64));
    if (err == IT_ERR_PARSE) {
        itp_peer_error(p, op, "b64 is no base64 (RFC 4648 section 4)");
        err = 0;
    } else if (err == 0) {
        it_bytes bytes = it_bytes_of(data.p, data.n);
        err = tell_result(p, op, it_itp_send(op->s, it_loop_now(p->cfg.loop), (int)component, bytes));
    }
    it_str_fini(&data);
    return err;
}

static int op_restart(it_itp_peer *p, peer_op *op)
{
    return tell_result(p, op, it_itp_restart(op->s, it_loop_now(p->cfg.loop)));
}

static int op_role(it_itp_peer *p, peer_op *op)
{
    bool controlling;
    if (!read_role(op, &controlling)) {
        itp_peer_error(p, op, "role is controlling or controlled");
        return 0;
    }
    return tell_result(p, op, it_itp_role(op->s, controlling));
}

static int op_stats(it_itp_peer *p, peer_op *op)
{
    (void)p;
    it_itp_stats(op->s);
    return 0;
}

static int op_pairs(it_itp_peer *p, peer_op *op)
{
    (void)p;
    it_itp_pairs(op->s);
    return 0;
}

/* One fingerprint of 32 bytes in hexadecimal, with or without colons; moves |*text| behind it. */
static bool read_print(const char **text, uint8_t fp[IT_SHA256_SIZE])
{
    const char *t = *text;
    for (int i = 0; i < IT_SHA256_SIZE; i++) {
        unsigned v;
        int n = 0;
        if (strspn(t, "0123456789abcdefABCDEF") < 2 || sscanf(t, "%2x%n", &v, &n) != 1 || n != 2)
            return false;
        fp[i] = (uint8_t)v;
        t += 2;
        t += *t == ':' && i + 1 < IT_SHA256_SIZE;
    }
    *text = t;
    return true;
}

/* "sha-256 AA:BB,...": how many, 0 when it is none. RFC 8122 section 5; the name of the hash may be left out. */
static size_t read_prints(const char *text, uint8_t fp[IT_DTLS_PRINTS][IT_SHA256_SIZE])
{
    size_t n = 0;
    while (*text && n < IT_DTLS_PRINTS) {
        if (strncmp(text, "sha-256 ", 8) == 0 || strncmp(text, "SHA-256 ", 8) == 0)
            text += 8;
        if (!read_print(&text, fp[n]) || (*text && *text != ','))
            return 0;
        n++;
        text += *text == ',';
    }
    return *text ? 0 : n;
}

static int op_dtls(it_itp_peer *p, peer_op *op)
{
    uint8_t fp[IT_DTLS_PRINTS][IT_SHA256_SIZE];
    const char *setup = text_of(op, "setup"), *print = text_of(op, "fp");
    bool client = setup && strcmp(setup, "active") == 0;
    size_t n = 0;
    if (print)
        n = read_prints(print, fp);
    if (!setup || (!client && strcmp(setup, "passive") != 0)) {
        itp_peer_error(p, op, "setup is active or passive (RFC 8842)");
        return 0;
    }
    if (n == 0) {
        itp_peer_error(p, op, "fp is one to four SHA-256 fingerprints, \"sha-256 AA:BB:...\" (RFC 8122 section 5)");
        return 0;
    }
    return tell_result(p, op, it_itp_dtls(op->s, it_loop_now(p->cfg.loop), client, (const uint8_t(*)[32])fp, n));
}

static int op_close(it_itp_peer *p, peer_op *op)
{
    itp_peer_close(p, op->session);
    return 0;
}

static const struct {
    const char *name;
    bool session; /* it needs one */
    int (*run)(it_itp_peer *p, peer_op *op);
} OPS[] = {
    {"hello", false, op_hello},  {"create", false, op_create},  {"gather", true, op_gather},
    {"remote", true, op_remote}, {"rcand", true, op_rcand},     {"eoc", true, op_eoc},
    {"start", true, op_start},   {"send", true, op_send},       {"stats", true, op_stats},
    {"pairs", true, op_pairs},   {"restart", true, op_restart}, {"role", true, op_role},
    {"dtls", true, op_dtls},     {"close", true, op_close},
};

static int unsupported(it_itp_peer *p, const peer_op *op)
{
    it_json j;
    it_json_init(&j, &p->out);
    it_json_obj(&j, NULL);
    it_json_str(&j, "ev", "unsupported");
    put_member_id(&j, op->id);
    it_json_str(&j, "op", op->op);
    it_json_end_obj(&j);
    it_json_newline(&j);
    return 0;
}

/* The id as JSON, "1" where there is none; false when it is neither a whole number nor a short string. */
static bool read_id(const json_t *m, char id[ID_TEXT])
{
    const json_t *x = json_object_get(m, "id");
    if (!x) {
        snprintf(id, ID_TEXT, "1");
        return true;
    }
    if (!json_is_integer(x) && !json_is_string(x))
        return false;
    size_t n = json_dumpb(x, id, ID_TEXT - 1, JSON_ENCODE_ANY | JSON_COMPACT);
    id[n < ID_TEXT - 1 ? n : 0] = '\0';
    return n > 0 && n < ID_TEXT - 1;
}

int itp_peer_op(it_itp_peer *p, const json_t *m)
{
    peer_op op = {.m = m, .op = json_string_value(json_object_get(m, "op"))};
    if (!op.op) {
        itp_peer_error(p, NULL, "op is missing");
        return 0;
    }
    if (!read_id(m, op.id)) {
        op.id[0] = '\0';
        itp_peer_error(p, &op, "id is a whole number or a string of at most 90 bytes");
        return 0;
    }
    op.session = session_of(p, op.id);
    op.s = NULL;
    if (op.session)
        op.s = it_loop_app(p->cfg.loop, op.session->app);
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        if (strcmp(OPS[i].name, op.op) != 0)
            continue;
        if (OPS[i].session && !op.s) {
            itp_peer_error(p, &op, "there is none of that id: create it first");
            return 0;
        }
        return OPS[i].run(p, &op);
    }
    return unsupported(p, &op);
}
