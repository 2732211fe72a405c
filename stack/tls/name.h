/* Whose certificate it is: identities that a client wants against those that a certificate presents. RFC 9525.
 *
 * Only DNS-IDs and IP-IDs of subjectAltName count; a common name never does (section 2.1). A name that is an address as
 * text is compared with IP-IDs alone. */
#ifndef IT_STACK_TLS_NAME_H
#define IT_STACK_TLS_NAME_H

#include "base/bytes.h"

#include <stdbool.h>

#define IT_TLS_NAME_MAX 255 /* bytes of a name (RFC 1035 section 2.3.4) */

/* True when |name| may be looked for: labels of 1 to 63 letters, digits, '-' and '_', one dot at the end allowed. RFC
 * 9525 section 6.3, RFC 1035 section 2.3.4. */
bool it_tls_name_valid(it_bytes name);

/* True when the DNS-ID |presented| means the host |wanted|: letter case ignored, a leftmost label that is "*" alone
 * stands for exactly one label, any other '*' makes the identifier void. RFC 9525 section 6.3. */
bool it_tls_name_matches(it_bytes presented, it_bytes wanted);

#endif
