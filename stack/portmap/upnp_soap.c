/* SOAP, as far as UPnP has it: which action a request calls, and what is answered. UPnP Device Architecture section 3.
 */
#include "stack/portmap/upnp_impl.h"

#include <stdio.h>
#include <string.h>

static const it_upnpi_action *action_named(const it_upnp_server *s, int service, it_bytes name)
{
    for (const it_upnpi_action *a = it_upnpi_actions; a->name; a++) {
        if (a->service != service || a->since > it_upnpi_version(s, service))
            continue;
        if (name.n == strlen(a->name) && memcmp(name.p, a->name, name.n) == 0)
            return a;
    }
    return NULL;
}

const it_upnpi_action *it_upnpi_action_of(const it_upnp_server *s, it_upnpi_conn *c, int service, const it_upnp_head *h)
{
    it_bytes v;
    const char *type = it_upnpi_services[service].type;
    size_t n = strlen(type);
    if (!it_upnp_header(h, "SOAPACTION", &v) || v.n < n + 4)
        return NULL;
    if (v.p[0] != '"' || v.p[v.n - 1] != '"' || memcmp(v.p + 1, type, n) != 0)
        return NULL;
    if (v.p[n + 1] < '1' || v.p[n + 1] > '0' + it_upnpi_version(s, service) || v.p[n + 2] != '#')
        return NULL;
    c->version = (uint8_t)(v.p[n + 1] - '0');
    return action_named(s, service, it_bytes_of(v.p + n + 3, v.n - n - 4));
}

int it_upnpi_succeed(it_upnp_server *s, it_upnpi_conn *c, const char *args)
{
    it_str b;
    it_str_init(&b, s->cfg.alloc);
    it_str_printf(&b,
                  "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
                  "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:%sResponse "
                  "xmlns:u=\"%s%d\">%s</u:%sResponse>"
                  "</s:Body></s:Envelope>\r\n",
                  c->action->name, it_upnpi_services[c->action->service].type, c->version, args, c->action->name);
    it_upnpi_respond(c, "200 OK", "EXT:\r\n", it_str_c(&b));
    c->out.oom |= b.oom;
    it_str_fini(&b);
    return 0;
}

void it_upnpi_refuse(it_upnpi_conn *c, int code)
{
    static const struct {
        int code;
        const char *text;
    } T[] = {{401, "Invalid Action"},
             {402, "Invalid Args"},
             {501, "Action Failed"},
             {602, "Optional Action Not Implemented"},
             {605, "String Argument Too Long"},
             {606, "Action not authorized"},
             {703, "InactiveConnectionStateRequired"},
             {713, "SpecifiedArrayIndexInvalid"},
             {714, "NoSuchEntryInArray"},
             {716, "WildCardNotPermittedInExtPort"},
             {718, "ConflictInMappingEntry"},
             {724, "SamePortValuesRequired"},
             {725, "OnlyPermanentLeasesSupported"},
             {726, "RemoteHostOnlySupportsWildcard"},
             {728, "NoPortMapsAvailable"},
             {730, "PortMappingNotFound"},
             {731, "ReadOnly"},
             {732, "WildCardNotPermittedInIntPort"},
             {733, "InconsistentParameters"}};
    char body[700];
    const char *text = "";
    for (size_t i = 0; i < sizeof T / sizeof *T; i++)
        text = T[i].code == code ? T[i].text : text;
    snprintf(
        body, sizeof body,
        "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "
        "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><s:Fault><faultcode>s:Client</faultcode>"
        "<faultstring>UPnPError</faultstring><detail><UPnPError "
        "xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>%d</errorCode>"
        "<errorDescription>%s</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>\r\n",
        code, text);
    it_upnpi_respond(c, "500 Internal Server Error", "EXT:\r\n", body);
}
