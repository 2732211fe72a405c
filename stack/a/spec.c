/* The grammar of destination specifiers, from left to right. */
#include "stack/a/spec.h"

#include <string.h>

typedef struct spec_reading {
    const char *url, *at; /* |at|: what is left */
    it_a_spec *s;
    it_a_fault fault;
    bool has_user, has_password, has_by, has_wait;
} spec_reading;

static int spec_fail(spec_reading *r, int err, const char *at, const char *why)
{
    r->fault = (it_a_fault){(size_t)(at - r->url), why};
    return err;
}

/* --- pieces --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes up to a character of |ends| into |out| of |cap| bytes with NUL (RFC 3986 section 2.1). Returns 0 or an error;
 * |big| says what is too long. */
static int spec_decode(spec_reading *r, const char *ends, char *out, size_t cap, const char *big)
{
    const char *begin = r->at;
    size_t n = 0;
    while (*r->at && !strchr(ends, *r->at)) {
        int c = (unsigned char)*r->at, high = -1, low = -1;
        if (c == '%') {
            high = hex_digit(r->at[1]);
            low = high < 0 ? -1 : hex_digit(r->at[2]);
            if (low < 0)
                return spec_fail(r, IT_ERR_PARSE, r->at, "a '%' without two hexadecimal digits (RFC 3986 section 2.1)");
            c = high * 16 + low;
            if (c == 0)
                return spec_fail(r, IT_ERR_PARSE, r->at, "a NUL byte");
        } else if (c <= ' ' || c >= 0x7f) {
            return spec_fail(r, IT_ERR_PARSE, r->at,
                             "a character that a URI has percent-encoded only (RFC 3986 section 2.1)");
        }
        if (n + 1 >= cap)
            return spec_fail(r, IT_ERR_PARSE, begin, big);
        out[n++] = (char)c;
        r->at += low < 0 ? 1 : 3;
    }
    out[n] = '\0';
    return 0;
}

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static int spec_literal(spec_reading *r, it_a_place *p)
{
    size_t n = strcspn(r->at + 1, "]");
    if (r->at[1 + n] != ']' || n >= sizeof p->host)
        return spec_fail(r, IT_ERR_PARSE, r->at, "there is no ']' behind an IPv6 address");
    memcpy(p->host, r->at + 1, n);
    p->host[n] = '\0';
    if (!strchr(p->host, ':') || it_ip_parse(&p->ip, p->host) < 0)
        return spec_fail(r, IT_ERR_PARSE, r->at + 1, "what is in brackets is no IPv6 address");
    r->at += n + 2;
    return 0;
}

static int spec_port(spec_reading *r, it_a_place *p)
{
    const char *begin = r->at;
    uint32_t v = 0;
    if (*r->at != ':')
        return 0;
    for (r->at++; *r->at >= '0' && *r->at <= '9'; r->at++) {
        v = v * 10 + (uint32_t)(*r->at - '0');
        if (v > 65535)
            return spec_fail(r, IT_ERR_PARSE, begin + 1, "the port is above 65535");
    }
    /* RFC 3986 section 3.2.3 allows an empty one. */
    if (v == 0 && r->at > begin + 1)
        return spec_fail(r, IT_ERR_PARSE, begin + 1, "port 0 cannot be connected to");
    p->port = (uint16_t)v;
    return 0;
}

/* Host and port (RFC 3986 section 3.2), into |p|. */
static int spec_place(spec_reading *r, it_a_place *p)
{
    size_t n = 0;
    if (*r->at == '[') {
        int err = spec_literal(r, p);
        return err < 0 ? err : spec_port(r, p);
    }
    while (host_char(r->at[n]))
        n++;
    if (n == 0)
        return spec_fail(r, IT_ERR_PARSE, r->at, "there is no host");
    if (n >= sizeof p->host)
        return spec_fail(r, IT_ERR_PARSE, r->at, "the host is longer than a name can be (RFC 1035 section 2.3.4)");
    memcpy(p->host, r->at, n);
    p->host[n] = '\0';
    if (it_ip_parse(&p->ip, p->host) < 0)
        p->ip = (it_ip){0, 0};
    r->at += n;
    return spec_port(r, p);
}

/* Takes |word| off, without regard to case (RFC 3986 section 3.1). */
static bool spec_takes(spec_reading *r, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i < n; i++) {
        char c = r->at[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        if (c != word[i])
            return false;
    }
    r->at += n;
    return true;
}

/* --- scheme, authority, path --- */

static int spec_server(spec_reading *r)
{
    it_a_place *p = &r->s->server;
    p->secure = spec_takes(r, "icets://");
    if (!p->secure && !spec_takes(r, "icet://"))
        return spec_fail(r, IT_ERR_PARSE, r->at, "it begins neither with icet:// nor with icets://");
    if (r->at[strcspn(r->at, "@/?#")] == '@')
        return spec_fail(r, IT_ERR_PARSE, r->at,
                         "nobody logs in at a rendezvous server: there is no user before the host");
    return spec_place(r, p);
}

static int spec_name(spec_reading *r)
{
    char *name = r->s->name;
    if (*r->at != '/')
        return spec_fail(r, IT_ERR_PARSE, r->at,
                         *r->at ? "what follows the host is no path" : "there is no name: write /NAME");
    const char *begin = ++r->at;
    int err = spec_decode(r, "/?#", name, sizeof r->s->name, "the name is longer than 64 bytes");
    if (err < 0)
        return err;
    if (!*name)
        return spec_fail(r, IT_ERR_PARSE, begin, "there is no name: write /NAME");
    if (!it_rendezvous_is_name(it_bytes_str(name)))
        return spec_fail(r, IT_ERR_PARSE, begin, "a name is UTF-8 (RFC 3629) without control characters");
    if (*r->at == '/')
        return spec_fail(r, IT_ERR_PARSE, r->at, "the path is one name; a '/' in it is %2F");
    return 0;
}

/* --- parameters --- */

static int spec_uri(spec_reading *r, const char *value, const char *at, it_turn_uri *u)
{
    const char *why = NULL;
    int err = it_turn_uri_parse(u, value, &why);
    return err < 0 ? spec_fail(r, err, at, why) : 0;
}

static int take_stun(spec_reading *r, const char *value, const char *at)
{
    it_a_spec *s = r->s;
    if (s->n_stun == IT_A_STUNS)
        return spec_fail(r, IT_ERR_FULL, at, "more than 4 STUN servers");
    int err = spec_uri(r, value, at, &s->stun[s->n_stun]);
    if (err < 0)
        return err;
    if (s->stun[s->n_stun].turn)
        return spec_fail(r, IT_ERR_PARSE, at, "that is a TURN server: write turn=");
    if (s->stun[s->n_stun].secure)
        return spec_fail(r, IT_ERR_UNSUPPORTED, at, "a STUN server is asked by UDP: write stun:");
    s->n_stun++;
    return 0;
}

static int take_turn(spec_reading *r, const char *value, const char *at)
{
    it_a_spec *s = r->s;
    if (s->n_turn == IT_A_TURNS)
        return spec_fail(r, IT_ERR_FULL, at, "more than 8 TURN servers");
    int err = spec_uri(r, value, at, &s->turn[s->n_turn]);
    if (err < 0)
        return err;
    if (!s->turn[s->n_turn].turn)
        return spec_fail(r, IT_ERR_PARSE, at, "that is a STUN server: write stun=");
    s->n_turn++;
    return 0;
}

static int take_web(spec_reading *r, const char *value, const char *at)
{
    it_a_spec *s = r->s;
    if (s->n_web == IT_A_WEBS)
        return spec_fail(r, IT_ERR_FULL, at, "more than 8 ways to a relay over WebSocket");
    it_a_place *p = &s->web[s->n_web];
    spec_reading inner = {.url = value, .at = value};
    *p = (it_a_place){.secure = spec_takes(&inner, "wss://")};
    if (!p->secure && !spec_takes(&inner, "ws://"))
        return spec_fail(r, IT_ERR_PARSE, at, "a relay over WebSocket begins with ws:// or wss://");
    int err = spec_place(&inner, p);
    if (err < 0)
        return spec_fail(r, err, at, inner.fault.why);
    if (*inner.at == '/')
        inner.at++;
    if (*inner.at)
        return spec_fail(r, IT_ERR_PARSE, at, "something follows host and port of a relay over WebSocket");
    if (s->n_web > 0 && strcmp(p->host, s->web[0].host) != 0)
        return spec_fail(r, IT_ERR_PARSE, at,
                         "the ways to a relay over WebSocket are of one host, where both ends meet");
    s->n_web++;
    return 0;
}

static int take_text(spec_reading *r, const char *value, const char *at, char out[IT_A_TEXT])
{
    size_t n = strlen(value);
    if (n == 0 || n >= IT_A_TEXT)
        return spec_fail(r, IT_ERR_PARSE, at, n ? "longer than 63 bytes" : "an empty value");
    memcpy(out, value, n + 1);
    return 0;
}

static int take_user(spec_reading *r, const char *value, const char *at)
{
    if (r->has_user)
        return spec_fail(r, IT_ERR_PARSE, at, "user= is there twice");
    r->has_user = true;
    return take_text(r, value, at, r->s->user);
}

static int take_password(spec_reading *r, const char *value, const char *at)
{
    if (r->has_password)
        return spec_fail(r, IT_ERR_PARSE, at, "password= is there twice");
    r->has_password = true;
    return take_text(r, value, at, r->s->password);
}

static int take_by(spec_reading *r, const char *value, const char *at)
{
    if (r->has_by)
        return spec_fail(r, IT_ERR_PARSE, at, "by= is there twice");
    r->has_by = true;
    r->s->poll = strcmp(value, "poll") == 0;
    if (!r->s->poll && strcmp(value, "websocket") != 0)
        return spec_fail(r, IT_ERR_PARSE, at, "by= is websocket or poll");
    return 0;
}

static int take_wait(spec_reading *r, const char *value, const char *at)
{
    uint32_t v = 0;
    if (r->has_wait)
        return spec_fail(r, IT_ERR_PARSE, at, "wait= is there twice");
    r->has_wait = true;
    if (!*value)
        return spec_fail(r, IT_ERR_PARSE, at, "an empty value");
    for (; *value; value++) {
        if (*value < '0' || *value > '9')
            return spec_fail(r, IT_ERR_PARSE, at, "wait= is a number of seconds");
        v = v * 10 + (uint32_t)(*value - '0');
        if (v > IT_A_WAIT)
            return spec_fail(r, IT_ERR_PARSE, at, "wait= is 3600 s at most");
    }
    r->s->wait = v;
    return 0;
}

static const struct {
    const char *key;
    int (*take)(spec_reading *r, const char *value, const char *at);
} PARAMETERS[] = {{"stun", take_stun},         {"turn", take_turn}, {"ws", take_web},   {"user", take_user},
                  {"password", take_password}, {"by", take_by},     {"wait", take_wait}};

static int spec_parameter(spec_reading *r)
{
    char value[512];
    size_t n = strcspn(r->at, "=&#");
    const char *key = r->at;
    if (n == 0)
        return spec_fail(r, IT_ERR_PARSE, key, "an empty parameter");
    for (size_t i = 0; i < sizeof PARAMETERS / sizeof *PARAMETERS; i++) {
        if (strlen(PARAMETERS[i].key) != n || strncmp(PARAMETERS[i].key, key, n) != 0)
            continue;
        if (key[n] != '=')
            return spec_fail(r, IT_ERR_PARSE, key, "a parameter without '='");
        r->at += n + 1;
        const char *at = r->at;
        int err = spec_decode(r, "&#", value, sizeof value, "a value longer than 511 bytes");
        return err < 0 ? err : PARAMETERS[i].take(r, value, at);
    }
    return spec_fail(r, IT_ERR_PARSE, key, "no such parameter; there are: stun turn ws user password by wait");
}

static int spec_query(spec_reading *r)
{
    char end = *r->at;
    while (end == '?' || end == '&') {
        r->at++;
        int err = spec_parameter(r);
        if (err < 0)
            return err;
        end = *r->at;
    }
    if (end)
        return spec_fail(r, IT_ERR_PARSE, r->at, "a specifier has no fragment");
    if (r->has_user != r->has_password)
        return spec_fail(r, IT_ERR_PARSE, r->at, r->has_user ? "user= without password=" : "password= without user=");
    return 0;
}

int it_a_spec_read(it_a_spec *s, const char *url, it_a_fault *fault)
{
    static int (*const PARTS[])(spec_reading *) = {spec_server, spec_name, spec_query};
    spec_reading r = {.url = url, .at = url, .s = s};
    int err = 0;
    *s = (it_a_spec){.poll = false};
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS && err == 0; i++)
        err = PARTS[i](&r);
    if (fault)
        *fault = r.fault;
    return err;
}

/* --- writing --- */

static void write_encoded(it_str *out, const char *text)
{
    for (; *text; text++) {
        bool plain = host_char(*text) || strchr(":/[]?=", *text);
        if (plain)
            it_str_putc(out, *text);
        else
            it_str_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
    }
}

/* A name has no reserved character but as it is encoded. */
static void write_name(it_str *out, const char *name)
{
    for (; *name; name++) {
        if (host_char(*name))
            it_str_putc(out, *name);
        else
            it_str_printf(out, "%%%02X", (unsigned)(unsigned char)*name);
    }
}

static void write_host(it_str *out, const char *host, uint16_t port)
{
    it_str_printf(out, strchr(host, ':') ? "[%s]" : "%s", host);
    if (port)
        it_str_printf(out, ":%u", (unsigned)port);
}

static void write_uri(it_str *out, const it_turn_uri *u)
{
    bool tcp = u->transport == IT_TURN_OVER_TCP || u->transport == IT_TURN_OVER_TLS;
    it_str_puts(out, u->turn ? "turn" : "stun");
    it_str_puts(out, u->secure ? "s:" : ":");
    write_host(out, u->host, u->named_port ? u->port : 0);
    if (u->named_transport)
        it_str_puts(out, tcp ? "?transport=tcp" : "?transport=udp");
}

/* Appends the next parameter |key|; |*lead| is what separates it from what is before. */
static void write_key(it_str *out, char *lead, const char *key)
{
    it_str_printf(out, "%c%s=", *lead, key);
    *lead = '&';
}

void it_a_spec_write(it_str *out, const it_a_spec *s)
{
    char lead = '?';
    it_str_puts(out, s->server.secure ? "icets://" : "icet://");
    write_host(out, s->server.host, s->server.port);
    it_str_putc(out, '/');
    write_name(out, s->name);
    for (int i = 0; i < s->n_stun; i++) {
        write_key(out, &lead, "stun");
        write_uri(out, &s->stun[i]);
    }
    for (int i = 0; i < s->n_turn; i++) {
        write_key(out, &lead, "turn");
        write_uri(out, &s->turn[i]);
    }
    for (int i = 0; i < s->n_web; i++) {
        write_key(out, &lead, "ws");
        it_str_puts(out, s->web[i].secure ? "wss://" : "ws://");
        write_host(out, s->web[i].host, s->web[i].port);
    }
    if (s->user[0]) {
        write_key(out, &lead, "user");
        write_encoded(out, s->user);
        write_key(out, &lead, "password");
        write_encoded(out, s->password);
    }
    if (s->poll) {
        write_key(out, &lead, "by");
        it_str_puts(out, "poll");
    }
    if (s->wait) {
        write_key(out, &lead, "wait");
        it_str_printf(out, "%u", (unsigned)s->wait);
    }
}
