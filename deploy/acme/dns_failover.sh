#!/usr/bin/env sh
# DNS API of acme.sh: put this file into ~/.acme.sh/dnsapi/, then: acme.sh --issue --dns dns_failover -d ...
# It needs failover-acme in PATH. That one's variables go for this, too; acme.sh keeps them for renewals.

# dns_failover_add _acme-challenge.www.example.com VALUE
dns_failover_add() {
    _failover_variables
    failover-acme present "$1" "$2"
}

# dns_failover_rm _acme-challenge.www.example.com VALUE
dns_failover_rm() {
    _failover_variables
    failover-acme cleanup "$1" "$2"
}

# A renewal runs from cron, with nothing of the first time's environment.
_failover_variables() {
    for _failover_name in FAILOVER_SERVER FAILOVER_TOKEN_FILE FAILOVER_CA FAILOVER_ACME_ALIAS FAILOVER_CTL; do
        eval "_failover_value=\${$_failover_name:-}"
        _failover_value=${_failover_value:-$(_readaccountconf_mutable "$_failover_name")}
        if [ -n "$_failover_value" ]; then
            export "$_failover_name=$_failover_value"
            _saveaccountconf_mutable "$_failover_name" "$_failover_value"
        fi
    done
}
