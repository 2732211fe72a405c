/* Whole messages of HTTP/1.1 over a stream. */
#include "stack/http/message.h"

#include "stack/http/body.h"
#include "stack/stream/pass.h"

#include <string.h>

enum { METHOD_MAX = 32 };

typedef struct messages {
    it_alloc *alloc;
    bool server;
    size_t largest;
    /* what comes up */
    it_http_head head;
    it_http_body body;
    uint8_t *content; /* the body so far, |largest| bytes of room */
    size_t n_content;
    bool in_body, whole; /* its head has come; all of it has */
    int status;          /* client: of the response */
    bool last;           /* nothing may follow it on this stream */
    bool surplus;        /* client: and something did */
    /* the exchange */
    bool asked;              /* a request went down, or came up, and has no response yet */
    char method[METHOD_MAX]; /* of that request; cut where it is longer */
    bool tunnel;             /* bytes, from now on */
    bool closing;            /* a response said so: nothing more is read */
    bool half;               /* server: the client says no more; what it has asked is answered all the same */
    int answered;            /* server: what it answered by itself; 0: nothing */
    const char *why;
    it_pass up, down; /* bytes of a tunnel, ends, and what goes down */
} messages;

/* --- what is wrong --- */

enum { BAD_REQUEST = 400, TOO_LARGE = 413, HEAD_TOO_LARGE = 431 };

/* Says |status|, which has a response of its own, and that it is the last. */
static void say_status(messages *m, int status)
{
    static const struct {
        int status;
        const char *text;
    } ANSWERS[] = {{TOO_LARGE, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
                   {HEAD_TOO_LARGE,
                    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
                   {BAD_REQUEST, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}};
    size_t k = 0;
    while (ANSWERS[k].status != status && ANSWERS[k].status != BAD_REQUEST)
        k++;
    m->answered = ANSWERS[k].status;
    (void)it_pass_put(&m->down, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(ANSWERS[k].text)});
}

/* Ends the exchange for |why|: a server says |status|, a client resets. */
static void fail_stream(messages *m, int status, const char *why)
{
    m->why = why;
    m->closing = true;
    (void)it_pass_put(&m->up, &(it_io){.kind = IT_IO_RST});
    if (m->server)
        say_status(m, status);
    (void)it_pass_put(&m->down, &(it_io){.kind = m->server ? IT_IO_FIN : IT_IO_RST});
}

/* --- what comes up --- */

static it_bytes head_of(const messages *m)
{
    return it_bytes_of(m->head.buf, m->head.n);
}

static void keep_method(messages *m, it_bytes method)
{
    size_t n = method.n < METHOD_MAX - 1 ? method.n : METHOD_MAX - 1;
    memcpy(m->method, method.p, n);
    m->method[n] = 0;
}

static int read_request_head(messages *m)
{
    it_http_request request;
    int err = it_http_request_parse(head_of(m), &request);
    if (err < 0)
        return err;
    if (!it_http_has_host(head_of(m), request.minor))
        return IT_ERR_PARSE;
    keep_method(m, request.method);
    m->last = request.minor == 0 || !it_http_persists(head_of(m), request.minor);
    return it_http_body_of_request(&m->body, head_of(m), request.minor);
}

/* The head is complete. Returns 0 or an error of it. */
static int read_head(messages *m)
{
    it_http_response response;
    if (m->server)
        return read_request_head(m);
    int err = it_http_response_parse(head_of(m), &response);
    if (err < 0)
        return err;
    m->status = response.status;
    m->last = !it_http_persists(head_of(m), response.minor);
    return it_http_body_of_response(&m->body, head_of(m), &response, it_bytes_str(m->method));
}

static void forget_message(messages *m)
{
    m->head.n = m->n_content = 0;
    m->head.done = m->in_body = m->whole = false;
}

/* Of a client that waits for leave to send its body, and has sent none of it. RFC 9110 section 10.1.1; of HTTP/1.0 the
 * field is passed over. */
static void say_continue(messages *m)
{
    static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";
    it_http_request request;
    it_bytes value;
    bool asks = false;
    for (size_t k = 0; it_http_field(head_of(m), "Expect", k, &value); k++)
        asks = asks || it_http_has_token(value, "100-continue");
    if (asks && it_http_request_parse(head_of(m), &request) == 0 && request.minor >= 1)
        (void)it_pass_put(&m->down, &(it_io){.kind = IT_IO_DATA, .data = it_bytes_str(CONTINUE)});
}

/* Takes bytes of a head. Returns how many. */
static size_t feed_head(messages *m, it_bytes in)
{
    int n = it_http_head_feed(&m->head, in);
    if (n < 0) {
        fail_stream(m, HEAD_TOO_LARGE, "a head is longer than 8,192 bytes (RFC 6585 section 5)");
        return in.n;
    }
    if (!m->head.done)
        return (size_t)n;
    if (read_head(m) < 0) {
        fail_stream(m, BAD_REQUEST, "a head that is none (RFC 9112 sections 2.2, 6.3)");
        return in.n;
    }
    if (!m->server && m->status < 200 && m->status != 101) { /* RFC 9110 section 15.2: another one follows */
        forget_message(m);
        return (size_t)n;
    }
    if (m->body.kind == IT_HTTP_BODY_LENGTH && m->body.left > m->largest) {
        fail_stream(m, TOO_LARGE, "a body is larger than agreed");
        return in.n;
    }
    m->in_body = true;
    m->whole = m->body.done;
    if (m->server && !m->whole && (size_t)n == in.n)
        say_continue(m);
    return (size_t)n;
}

/* Takes bytes of a body. Returns how many. */
static size_t feed_body(messages *m, it_bytes in)
{
    it_bytes content;
    int n = it_http_body_feed(&m->body, in, &content);
    if (n < 0) {
        fail_stream(m, BAD_REQUEST, "chunks that are none (RFC 9112 section 7.1)");
        return in.n;
    }
    if (m->n_content + content.n > m->largest) {
        fail_stream(m, TOO_LARGE, "a body is larger than agreed");
        return in.n;
    }
    if (content.n)
        memcpy(m->content + m->n_content, content.p, content.n);
    m->n_content += content.n;
    m->whole = m->body.done;
    return (size_t)n;
}

/* True when the next message may be read: a server has answered the one before, and that answer is on its way; a client
 * has asked. */
static bool reads_on(const messages *m)
{
    bool over = m->closing || m->tunnel;
    return !over && !m->whole && m->server != m->asked && (!m->server || m->down.bytes.n == 0);
}

/* Whether what is sent with |status| ends the messages of this stream: a tunnel. */
static bool opens_tunnel(const messages *m, int status)
{
    return status == 101 || (status / 100 == 2 && strcmp(m->method, "CONNECT") == 0);
}

/* How many bytes at the front of |in| are line ends. RFC 9112 section 9.2: those may follow a response. */
static size_t line_ends(it_bytes in)
{
    size_t n = 0;
    while (n < in.n && (in.p[n] == '\r' || in.p[n] == '\n'))
        n++;
    return n;
}

static void fail_for_surplus(messages *m)
{
    if (!m->closing)
        fail_stream(m, 0, "bytes that nobody asked for (RFC 9112 section 9.2)");
}

/* A client has no use for |in|. RFC 9112 section 9.2: it is no response, and where the next one begins is not known any
 * more; a response that is whole may still be read. Returns the bytes taken. */
static size_t take_surplus(messages *m, it_bytes in)
{
    m->surplus = line_ends(in) < in.n;
    if (m->surplus && !m->whole)
        fail_for_surplus(m);
    return in.n;
}

/* Whether a client has no use for what follows what it has read. */
static bool is_surplus(const messages *m)
{
    if (m->server || m->tunnel || m->closing || m->surplus)
        return false;
    return !m->whole || !opens_tunnel(m, m->status);
}

static int take_bytes(messages *m, it_bytes in)
{
    size_t at = 0;
    while (at < in.n && reads_on(m)) {
        it_bytes rest = it_bytes_of(in.p + at, in.n - at);
        at += m->in_body ? feed_body(m, rest) : feed_head(m, rest);
    }
    if (at < in.n && is_surplus(m))
        at += take_surplus(m, it_bytes_of(in.p + at, in.n - at));
    return m->closing ? (int)in.n : (int)at;
}

/* The stream has ended: well, between messages, or behind a body that ends with it. */
static void take_fin(messages *m)
{
    bool until_close = m->in_body && m->body.kind == IT_HTTP_BODY_UNTIL_CLOSE;
    m->whole = m->whole || until_close;
    if (!m->server && m->closing) /* it was told */
        return;
    if (!m->tunnel && !m->whole && (m->in_body || m->head.n > 0)) {
        fail_stream(m, BAD_REQUEST, "the stream ended inside a message (RFC 9112 section 8)");
        return;
    }
    m->half = m->server;
    (void)it_pass_put(&m->up, &(it_io){.kind = IT_IO_FIN});
}

static int from_below(void *l, it_time now, const it_io *in)
{
    messages *m = l;
    (void)now;
    if (in->kind == IT_IO_DATA && m->tunnel)
        return it_pass_put(&m->up, in);
    if (in->kind == IT_IO_DATA)
        return take_bytes(m, in->data);
    if (in->kind == IT_IO_FIN)
        take_fin(m);
    else
        (void)it_pass_put(&m->up, in);
    m->half = m->half && in->kind != IT_IO_RST;
    return 0;
}

/* What the response |head| of HTTP/1.|minor| that goes up or down does to the exchange. RFC 9112 section 9.6: where
 * either side has said that it is the last one both close behind it. */
static void end_exchange(messages *m, int status, int minor, it_bytes head)
{
    m->asked = false;
    m->tunnel = opens_tunnel(m, status);
    if (m->tunnel || (!m->last && !m->half && (!m->server || it_http_persists(head, minor))))
        return;
    m->closing = true;
    (void)it_pass_put(&m->down, &(it_io){.kind = IT_IO_FIN});
    if (!m->server)
        (void)it_pass_put(&m->up, &(it_io){.kind = IT_IO_FIN});
}

static int to_above(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    messages *m = l;
    size_t n = m->head.n + m->n_content;
    (void)now;
    if (!m->whole || n > cap || m->up.opened || m->up.rst)
        return it_pass_take(&m->up, out, buf, cap);
    memcpy(buf, m->head.buf, m->head.n);
    if (m->n_content)
        memcpy(buf + m->head.n, m->content, m->n_content);
    *out = (it_io){.kind = IT_IO_DATA, .data = it_bytes_of(buf, n)};
    if (m->server)
        m->asked = true;
    else
        end_exchange(m, m->status, 1, head_of(m));
    if (m->surplus)
        fail_for_surplus(m);
    forget_message(m);
    return 1;
}

/* --- what goes down --- */

/* Whether a message may go down. RFC 9112 section 9.6: who closes its half may still read, and a request before that is
 * owed its response. */
static bool may_write(const messages *m)
{
    if (m->closing)
        return false;
    return !m->up.over || (m->half && m->asked);
}

static int write_message(messages *m, const it_io *in)
{
    it_bytes head, body;
    it_http_request request;
    it_http_response response = {.status = 0};
    it_http_split(in->data, &head, &body);
    bool good = m->server ? it_http_response_parse(head, &response) == 0 : it_http_request_parse(head, &request) == 0;
    if (!good)
        return IT_ERR_RANGE;
    if (!may_write(m))
        return IT_ERR_STATE;
    if (in->data.n > IT_PASS_BUF)
        return IT_ERR_TOOBIG;
    if (m->down.bytes.n || m->asked != m->server)
        return IT_ERR_FULL;
    int n = it_pass_put(&m->down, in);
    if (!m->server) {
        keep_method(m, request.method);
        m->asked = true;
    } else if (response.status >= 200 || response.status == 101) {
        end_exchange(m, response.status, response.minor, head);
    }
    return n;
}

static int from_above(void *l, it_time now, const it_io *in)
{
    messages *m = l;
    (void)now;
    return in->kind == IT_IO_DATA && !m->tunnel ? write_message(m, in) : it_pass_put(&m->down, in);
}

static int to_below(void *l, it_time now, it_io *out, uint8_t *buf, size_t cap)
{
    (void)now;
    return it_pass_take(&((messages *)l)->down, out, buf, cap);
}

static const char *why_over(const void *l)
{
    return ((const messages *)l)->why;
}

static void free_messages(void *l)
{
    messages *m = l;
    it_free(m->alloc, m->content);
    it_free(m->alloc, m);
}

static const it_layer_ops OPS = {.kind = "http",
                                 .from_below = from_below,
                                 .from_above = from_above,
                                 .to_below = to_below,
                                 .to_above = to_above,
                                 .why = why_over,
                                 .free = free_messages};

it_layer it_http_messages(it_alloc *alloc, enum it_http_role role, size_t largest)
{
    size_t most = IT_LAYER_MESSAGE - IT_HTTP_HEAD_MAX;
    messages *m = it_calloc(alloc, 1, sizeof *m);
    if (!m)
        return (it_layer){NULL, NULL};
    m->alloc = alloc;
    m->server = role == IT_HTTP_SERVER;
    m->largest = largest < most ? largest : most;
    m->content = it_malloc(alloc, m->largest + 1);
    if (!m->content) {
        it_free(alloc, m);
        return (it_layer){NULL, NULL};
    }
    return (it_layer){&OPS, m};
}

int it_http_answered(const it_layer *l)
{
    return ((const messages *)l->l)->answered;
}

void it_http_split(it_bytes message, it_bytes *head, it_bytes *body)
{
    size_t n = message.n;
    for (size_t i = 0; i + 1 < message.n; i++) {
        bool lone = message.p[i] == '\n' && message.p[i + 1] == '\n';
        bool crlf = i + 2 < message.n && message.p[i] == '\n' && message.p[i + 1] == '\r' && message.p[i + 2] == '\n';
        if (!lone && !crlf)
            continue;
        n = i + (lone ? 2 : 3);
        break;
    }
    *head = it_bytes_of(message.p, n);
    *body = it_bytes_of(message.p + n, message.n - n);
}
