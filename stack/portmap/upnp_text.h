/* The text that UPnP is made of: heads of HTTP messages (RFC 9110, 9112), elements of XML, URLs (UPnP Device
 * Architecture 2.0).
 *
 * Everything is a view into the caller's bytes; nothing is kept. Of XML there is what device descriptions and SOAP
 * need: elements found by their local name. Not here: chunked bodies, entities, attributes, names of hosts (addresses
 * only). */
#ifndef IT_STACK_PORTMAP_UPNP_TEXT_H
#define IT_STACK_PORTMAP_UPNP_TEXT_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_UPNP_HEAD_MAX 2048

/* The head of a request or response. */
typedef struct it_upnp_head {
    it_bytes word[3]; /* of the first line: "GET" "/x" "HTTP/1.1", or "HTTP/1.1" "200" "OK" */
    it_bytes lines;   /* header lines */
    size_t size;      /* of the head with its empty line */
    size_t body;      /* Content-Length; 0 when there is none */
    bool has_length;
} it_upnp_head;

/* Reads the head that |raw| begins with. Returns 1; 0 when it does not end in there; IT_ERR_PARSE when it is none, is
 * longer than IT_UPNP_HEAD_MAX, has a Content-Length that is no number below 64 KiB or two that differ, or a
 * Transfer-Encoding. */
int it_upnp_head_parse(it_upnp_head *h, it_bytes raw) IT_MUST_CHECK;

/* Finds the first header |name|; its value without white space around it in |*value|. */
bool it_upnp_header(const it_upnp_head *h, const char *name, it_bytes *value);

/* Finds the first element of local name |name| in |xml|; what stands inside it in |*text|. The search can go on behind
 * it. */
bool it_upnp_element(it_bytes xml, const char *name, it_bytes *text);

/* Reads "http://ADDRESS:PORT/PATH", port 80 when none is said; |*path| begins with its slash. Returns 0 or
 * IT_ERR_PARSE. */
int it_upnp_url(it_bytes url, it_addr *a, it_bytes *path) IT_MUST_CHECK;

/* Reads a decimal number of at most |most|. Returns 0 or IT_ERR_PARSE. */
int it_upnp_number(it_bytes text, uint32_t most, uint32_t *v) IT_MUST_CHECK;

/* True when |b| is |text|, upper and lower case alike. */
bool it_upnp_is(it_bytes b, const char *text);

/* |b| without white space at its ends. */
it_bytes it_upnp_trim(it_bytes b);

#endif
