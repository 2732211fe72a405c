/* The messages of SOCKS5 (RFC 1928) and of its username and password (RFC 1929), both sides, as bytes.
 *
 * Every reader takes what has come so far and returns the length of the message, 0 when more must come, or
 * IT_ERR_PARSE: the peer does not speak this. No message is longer than IT_SOCKS_MAX. Writers return the length. */
#ifndef IT_STACK_PROXY_SOCKS_H
#define IT_STACK_PROXY_SOCKS_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>

#define IT_SOCKS_MAX 513 /* the longest: username and password of 255 bytes each */

enum { IT_SOCKS_NO_AUTH = 0, IT_SOCKS_PASSWORD = 2, IT_SOCKS_NO_METHOD = 0xff }; /* RFC 1928 section 3 */
enum { IT_SOCKS_CONNECT = 1, IT_SOCKS_BIND = 2, IT_SOCKS_UDP = 3 };              /* section 4 */
enum {
    IT_SOCKS_OK,
    IT_SOCKS_FAILURE,
    IT_SOCKS_NOT_ALLOWED,
    IT_SOCKS_NET_UNREACHABLE,
    IT_SOCKS_HOST_UNREACHABLE,
    IT_SOCKS_REFUSED,
    IT_SOCKS_TTL,
    IT_SOCKS_NO_COMMAND,
    IT_SOCKS_NO_ADDRESS_TYPE
}; /* section 6 */

/* A request or reply. */
typedef struct it_socks_msg {
    uint8_t code;  /* command or reply */
    uint8_t type;  /* of the address: 1, 3 or 4; others cannot be read further */
    it_addr addr;  /* the ip none for a name */
    it_bytes name; /* of a request for a name; borrowed */
} it_socks_msg;

/* The client's methods; |*offers|: bit 0 no authentication, bit 1 password. RFC 1928 section 3. */
int it_socks_read_greeting(it_bytes in, unsigned *offers) IT_MUST_CHECK;
/* The server's choice: the method in |*code|; or (|auth|) the outcome of a password, 0 for success. RFC 1928 section 3,
 * RFC 1929. */
int it_socks_read_choice(it_bytes in, bool auth, uint8_t *code) IT_MUST_CHECK;
/* Username and password. RFC 1929 section 2. */
int it_socks_read_password(it_bytes in, it_bytes *user, it_bytes *password) IT_MUST_CHECK;
/* A request or a reply; an unknown type of address is told as a message of 4 bytes. RFC 1928 sections 4, 6. */
int it_socks_read_msg(it_bytes in, it_socks_msg *m) IT_MUST_CHECK;

/* What stands before the data of a datagram: the length of the header, or IT_ERR_PARSE: it is none, or a fragment.
 * |m|->code is 0. RFC 1928 section 7. */
int it_socks_read_datagram(it_bytes in, it_socks_msg *m) IT_MUST_CHECK;

/* The client's greeting: a password is offered beside "none" when |password|. */
size_t it_socks_greeting(uint8_t out[IT_SOCKS_MAX], bool password);
size_t it_socks_choice(uint8_t out[IT_SOCKS_MAX], bool auth, uint8_t code);
/* |user| and |password| of 1 to 255 bytes each; 0 when they are not. */
size_t it_socks_password(uint8_t out[IT_SOCKS_MAX], it_bytes user, it_bytes password);
/* A request or reply about |a|; an address that is none is written as 0.0.0.0. */
size_t it_socks_msg_write(uint8_t out[IT_SOCKS_MAX], uint8_t code, it_addr a);
/* The header of a datagram to or from |a|. RFC 1928 section 7. */
size_t it_socks_datagram(uint8_t out[IT_SOCKS_MAX], it_addr a);
/* A request about port |port| of |name|, of 1 to 255 bytes; 0 when it is not. RFC 1928 section 5: the proxy asks for
 * its address. */
size_t it_socks_name_write(uint8_t out[IT_SOCKS_MAX], uint8_t code, it_bytes name, uint16_t port);

#endif
