/* The records of signaling, read and written. */
#include "stack/signal/wire.h"

#include "stack/http/head.h"

/* --- names, numbers, queries --- */

static const char NAME_CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";

bool it_signal_is_name(it_bytes name)
{
    if (name.n == 0 || name.n > IT_SIGNAL_NAME)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (!name.p[i] || !strchr(NAME_CHARS, name.p[i]))
            return false;
    }
    return true;
}

/* A decimal number of at most 18 digits that fills |t|. */
static bool is_number(it_bytes t, uint64_t *v)
{
    if (t.n == 0 || t.n > 18 || (t.n > 1 && t.p[0] == '0'))
        return false;
    *v = 0;
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] < '0' || t.p[i] > '9')
            return false;
        *v = *v * 10 + (uint64_t)(t.p[i] - '0');
    }
    return true;
}

/* The same of any number of digits: what is too large for |*v| is the largest that fits. */
static bool is_count(it_bytes t, uint64_t *v)
{
    for (size_t i = 0; i < t.n; i++)
        if (t.p[i] < '0' || t.p[i] > '9')
            return false;
    if (t.n <= 18)
        return is_number(t, v);
    *v = UINT64_MAX;
    return t.p[0] != '0';
}

/* Takes what is before the next |end| off |*rest|, and that with it. */
static it_bytes cut_at(it_bytes *rest, char end)
{
    const uint8_t *at = rest->n ? memchr(rest->p, end, rest->n) : NULL;
    size_t n = at ? (size_t)(at - rest->p) : rest->n;
    it_bytes first = it_bytes_of(rest->p, n);
    *rest = at ? it_bytes_of(at + 1, rest->n - n - 1) : it_bytes_of(NULL, 0);
    return first;
}

/* Keeps parameter |name| = |value|. False when it is none. */
static bool keep_parameter(it_signal_who *w, it_bytes name, it_bytes value)
{
    if (it_bytes_eq(name, it_bytes_str("box"))) {
        w->box = value;
        return it_signal_is_name(value);
    }
    if (it_bytes_eq(name, it_bytes_str("key"))) {
        w->key = value;
        return it_signal_is_name(value);
    }
    if (it_bytes_eq(name, it_bytes_str("run"))) {
        w->run = value;
        return it_signal_is_name(value);
    }
    if (it_bytes_eq(name, it_bytes_str("seen")))
        return is_number(value, &w->seen);
    if (it_bytes_eq(name, it_bytes_str("known")))
        return is_number(value, &w->known);
    if (it_bytes_eq(name, it_bytes_str("hold")))
        return is_count(value, &w->hold);
    return true;
}

int it_signal_read_who(it_bytes target, it_signal_who *w)
{
    it_bytes rest = target;
    memset(w, 0, sizeof *w);
    (void)cut_at(&rest, '?');
    while (rest.n) {
        it_bytes value = cut_at(&rest, '&');
        it_bytes name = cut_at(&value, '=');
        if (!keep_parameter(w, name, value))
            return IT_ERR_PARSE;
    }
    return w->box.n && w->key.n ? 0 : IT_ERR_PARSE;
}

bool it_signal_line(it_bytes *rest, it_bytes *line)
{
    while (rest->n) {
        *line = cut_at(rest, '\n');
        if (line->n && line->p[line->n - 1] == '\r')
            line->n--;
        if (line->n)
            return true;
    }
    return false;
}

/* --- one object --- */

/* Its members: which bit, and where the value goes. */
static const struct member {
    const char *name;
    unsigned bit;
    bool number;
    size_t at;
} MEMBERS[] = {
    {"to", IT_SIGNAL_TO, false, offsetof(it_signal_record, to)},
    {"from", IT_SIGNAL_FROM, false, offsetof(it_signal_record, from)},
    {"hello", IT_SIGNAL_HELLO, false, offsetof(it_signal_record, hello)},
    {"why", IT_SIGNAL_WHY, false, offsetof(it_signal_record, why)},
    {"data", IT_SIGNAL_DATA, false, offsetof(it_signal_record, data)},
    {"base64", IT_SIGNAL_BASE64, false, offsetof(it_signal_record, data)},
    {"id", IT_SIGNAL_ID, true, offsetof(it_signal_record, id)},
    {"known", IT_SIGNAL_KNOWN, true, offsetof(it_signal_record, known)},
    {"seq", IT_SIGNAL_SEQ, true, offsetof(it_signal_record, seq)},
    {"ack", IT_SIGNAL_ACK, true, offsetof(it_signal_record, ack)},
    {"taken", IT_SIGNAL_TAKEN, true, offsetof(it_signal_record, taken)},
    {"refused", IT_SIGNAL_REFUSED, true, offsetof(it_signal_record, refused)},
};
enum { N_MEMBERS = sizeof MEMBERS / sizeof MEMBERS[0] };

static void skip_space(it_bytes *t)
{
    while (t->n && strchr(" \t\r\n", t->p[0]) && t->p[0])
        *t = it_bytes_of(t->p + 1, t->n - 1);
}

/* Takes |c| off, behind spaces. */
static bool take_char(it_bytes *t, char c)
{
    skip_space(t);
    if (t->n == 0 || t->p[0] != (uint8_t)c)
        return false;
    *t = it_bytes_of(t->p + 1, t->n - 1);
    return true;
}

/* Takes a string off: what is between its quotes, escapes as they stand. */
static bool take_string(it_bytes *t, it_bytes *inside)
{
    if (!take_char(t, '"'))
        return false;
    for (size_t i = 0; i < t->n; i++) {
        if (t->p[i] < 0x20) /* RFC 8259 section 7 */
            return false;
        if (t->p[i] == '\\') {
            i++;
            continue;
        }
        if (t->p[i] != '"')
            continue;
        *inside = it_bytes_of(t->p, i);
        *t = it_bytes_of(t->p + i + 1, t->n - i - 1);
        return true;
    }
    return false;
}

/* Takes a bare word off: a number, true, false, null. */
static it_bytes take_word(it_bytes *t)
{
    size_t n = 0;
    skip_space(t);
    while (n < t->n && !strchr(" \t\r\n,}", t->p[n]))
        n++;
    it_bytes w = it_bytes_of(t->p, n);
    *t = it_bytes_of(t->p + n, t->n - n);
    return w;
}

static bool is_literal(it_bytes w)
{
    uint64_t v;
    return is_number(w, &v) || it_bytes_eq(w, it_bytes_str("true")) || it_bytes_eq(w, it_bytes_str("false")) ||
           it_bytes_eq(w, it_bytes_str("null"));
}

static const struct member *member_of(it_bytes name)
{
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (it_bytes_eq(name, it_bytes_str(MEMBERS[i].name)))
            return &MEMBERS[i];
    return NULL;
}

/* Takes the string that is the value of member |m| off. */
static bool take_text(it_bytes *t, const struct member *m, it_signal_record *r)
{
    it_bytes value;
    if (!take_string(t, &value))
        return false;
    if (!m)
        return true;
    if (m->number)
        return false;
    memcpy((char *)r + m->at, &value, sizeof value);
    return m->at == offsetof(it_signal_record, data) || it_signal_is_name(value);
}

/* Takes the value of member |m| (NULL: of one that is passed over) off. */
static bool take_value(it_bytes *t, const struct member *m, it_signal_record *r)
{
    uint64_t v = 0;
    skip_space(t);
    if (t->n && t->p[0] == '"')
        return take_text(t, m, r);
    it_bytes word = take_word(t);
    if (!m)
        return is_literal(word);
    if (!m->number || !is_number(word, &v))
        return false;
    memcpy((char *)r + m->at, &v, sizeof v);
    return true;
}

static bool take_member(it_bytes *t, it_signal_record *r)
{
    it_bytes name;
    if (!take_string(t, &name) || !take_char(t, ':'))
        return false;
    const struct member *m = member_of(name);
    unsigned bit = m ? m->bit : 0;
    unsigned other = bit & (IT_SIGNAL_DATA | IT_SIGNAL_BASE64) ? IT_SIGNAL_DATA | IT_SIGNAL_BASE64 : bit;
    if (r->has & other)
        return false;
    r->has |= bit;
    return take_value(t, m, r);
}

int it_signal_read(it_bytes text, it_signal_record *r)
{
    it_bytes t = text;
    memset(r, 0, sizeof *r);
    if (!take_char(&t, '{'))
        return IT_ERR_PARSE;
    if (!take_char(&t, '}')) {
        do {
            if (!take_member(&t, r))
                return IT_ERR_PARSE;
        } while (take_char(&t, ','));
        if (!take_char(&t, '}'))
            return IT_ERR_PARSE;
    }
    skip_space(&t);
    return t.n ? IT_ERR_PARSE : 0;
}

/* --- data --- */

/* How many bytes its first byte says a UTF-8 character has; 0: it begins none. */
static size_t utf8_length(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc0)
        return 0;
    if (first < 0xe0)
        return 2;
    return first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
}

/* How many bytes the UTF-8 character at the front of |t| has; 0: it is none. RFC 3629 section 4. */
static size_t utf8_size(it_bytes t)
{
    static const uint32_t LEAST[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = utf8_length(t.p[0]);
    if (n <= 1 || n > t.n)
        return n == 1;
    uint32_t v = t.p[0] & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((t.p[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (t.p[i] & 0x3f);
    }
    bool surrogate = v >= 0xd800 && v < 0xe000;
    return v < LEAST[n] || v > 0x10ffff || surrogate ? 0 : n;
}

static bool is_text(it_bytes data)
{
    for (size_t at = 0, n; at < data.n; at += n) {
        n = utf8_size(it_bytes_of(data.p + at, data.n - at));
        if (n == 0)
            return false;
    }
    return true;
}

static void write_escaped(it_str *out, uint8_t c)
{
    static const char SHORT[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof SHORT; i += 2) {
        if (c != (uint8_t)SHORT[i])
            continue;
        it_str_putc(out, '\\');
        it_str_putc(out, SHORT[i + 1]);
        return;
    }
    if (c < 0x20)
        it_str_printf(out, "\\u%04x", c);
    else
        it_str_putc(out, (char)c);
}

void it_signal_write_data(it_str *out, it_bytes data)
{
    if (is_text(data)) {
        it_str_puts(out, "\"data\":\"");
        for (size_t i = 0; i < data.n; i++)
            write_escaped(out, data.p[i]);
        it_str_putc(out, '"');
        return;
    }
    it_str_puts(out, "\"base64\":\"");
    size_t room = (data.n + 2) / 3 * 4 + 1;
    char *to = it_str_room(out, room);
    int n = to ? it_base64_encode(to, room, data) : 0;
    if (to)
        it_str_cut(out, out->n - room + (size_t)(n < 0 ? 0 : n));
    it_str_putc(out, '"');
}

/* Four hexadecimal digits at the front of |t|; -1: they are none. */
static int32_t take_hex(it_bytes *t)
{
    int32_t v = 0;
    if (t->n < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        static const char DIGITS[] = "0123456789abcdefABCDEF";
        const char *d = t->p[i] ? strchr(DIGITS, t->p[i]) : NULL;
        if (!d)
            return -1;
        int k = (int)(d - DIGITS);
        v = v * 16 + (k < 16 ? k : k - 6);
    }
    *t = it_bytes_of(t->p + 4, t->n - 4);
    return v;
}

/* A \u escape behind its letter, two where one is half a character (RFC 8259 section 7): the character, or -1. */
static int32_t take_unicode(it_bytes *t)
{
    int32_t v = take_hex(t);
    if (v < 0xd800 || v >= 0xe000)
        return v;
    if (v >= 0xdc00 || t->n < 2 || t->p[0] != '\\' || t->p[1] != 'u')
        return -1;
    *t = it_bytes_of(t->p + 2, t->n - 2);
    int32_t low = take_hex(t);
    return low < 0xdc00 || low >= 0xe000 ? -1 : 0x10000 + (v - 0xd800) * 0x400 + (low - 0xdc00);
}

/* Writes character |v| as UTF-8. Returns its size. */
static size_t put_utf8(uint8_t out[4], uint32_t v)
{
    if (v < 0x80) {
        out[0] = (uint8_t)v;
        return 1;
    }
    size_t n = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; v >>= 6)
        out[i] = (uint8_t)(0x80 | (v & 0x3f));
    out[0] = (uint8_t)((0xf00U >> n & 0xf0U) | v);
    return n;
}

/* Takes one character, or an escape, off |*t| into |out|. Returns its size, 0: it is none. */
static size_t take_character(it_bytes *t, uint8_t out[4])
{
    static const char ESCAPES[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    if (t->p[0] != '\\') {
        size_t n = utf8_size(*t);
        memcpy(out, t->p, n);
        *t = it_bytes_of(t->p + n, t->n - n);
        return n;
    }
    if (t->n < 2)
        return 0;
    uint8_t c = t->p[1];
    *t = it_bytes_of(t->p + 2, t->n - 2);
    if (c == 'u') {
        int32_t v = take_unicode(t);
        return v < 0 ? 0 : put_utf8(out, (uint32_t)v);
    }
    for (size_t i = 0; i + 1 < sizeof ESCAPES; i += 2) {
        if (c != (uint8_t)ESCAPES[i])
            continue;
        out[0] = (uint8_t)ESCAPES[i + 1];
        return 1;
    }
    return 0;
}

int it_signal_decode(const it_signal_record *r, uint8_t *out, size_t cap)
{
    it_bytes t = r->data;
    size_t at = 0;
    if (r->has & IT_SIGNAL_BASE64)
        return it_base64_decode(out, cap, t);
    while (t.n) {
        uint8_t c[4];
        size_t n = take_character(&t, c);
        if (n == 0)
            return IT_ERR_PARSE;
        if (at + n > cap)
            return IT_ERR_TOOBIG;
        memcpy(out + at, c, n);
        at += n;
    }
    return (int)at;
}
