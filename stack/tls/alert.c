/* The names of alerts. */
#include "stack/tls/alert.h"

#include <stddef.h>

const char *it_tls_alert_name(int alert)
{
    static const struct {
        int alert;
        const char *name;
    } NAMES[] = {{IT_TLS_CLOSE_NOTIFY, "close_notify"},
                 {IT_TLS_UNEXPECTED_MESSAGE, "unexpected_message"},
                 {IT_TLS_BAD_RECORD_MAC, "bad_record_mac"},
                 {IT_TLS_RECORD_OVERFLOW, "record_overflow"},
                 {IT_TLS_HANDSHAKE_FAILURE, "handshake_failure"},
                 {IT_TLS_BAD_CERTIFICATE, "bad_certificate"},
                 {IT_TLS_UNSUPPORTED_CERTIFICATE, "unsupported_certificate"},
                 {IT_TLS_CERTIFICATE_REVOKED, "certificate_revoked"},
                 {IT_TLS_CERTIFICATE_EXPIRED, "certificate_expired"},
                 {IT_TLS_CERTIFICATE_UNKNOWN, "certificate_unknown"},
                 {IT_TLS_ILLEGAL_PARAMETER, "illegal_parameter"},
                 {IT_TLS_UNKNOWN_CA, "unknown_ca"},
                 {IT_TLS_ACCESS_DENIED, "access_denied"},
                 {IT_TLS_DECODE_ERROR, "decode_error"},
                 {IT_TLS_DECRYPT_ERROR, "decrypt_error"},
                 {IT_TLS_PROTOCOL_VERSION, "protocol_version"},
                 {IT_TLS_INSUFFICIENT_SECURITY, "insufficient_security"},
                 {IT_TLS_INTERNAL_ERROR, "internal_error"},
                 {IT_TLS_INAPPROPRIATE_FALLBACK, "inappropriate_fallback"},
                 {IT_TLS_USER_CANCELED, "user_canceled"},
                 {IT_TLS_NO_RENEGOTIATION, "no_renegotiation"},
                 {IT_TLS_MISSING_EXTENSION, "missing_extension"},
                 {IT_TLS_UNSUPPORTED_EXTENSION, "unsupported_extension"},
                 {IT_TLS_UNRECOGNIZED_NAME, "unrecognized_name"},
                 {IT_TLS_BAD_STATUS_RESPONSE, "bad_certificate_status_response"},
                 {IT_TLS_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity"},
                 {IT_TLS_CERTIFICATE_REQUIRED, "certificate_required"},
                 {IT_TLS_NO_APPLICATION_PROTOCOL, "no_application_protocol"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (NAMES[i].alert == alert)
            return NAMES[i].name;
    return "alert";
}
