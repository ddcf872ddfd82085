// A certificate for tests that look at no dates and check no signature.
#pragma once

namespace vigie::testing {

inline constexpr char kClientCertificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBezCCASGgAwIBAgIUaBFkvC4Ueb7MnQZeBiVhr1byG1cwCgYIKoZIzj0EAwIw\n"
    "EzERMA8GA1UEAwwIYSBjbGllbnQwHhcNMjYxMTIyMDMyMDE2WhcNMjYxMTI0MDMy\n"
    "MDE2WjATMREwDwYDVQQDDAhhIGNsaWVudDBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
    "A0IABLnMWLXTY0SgClXBVD+lcZRuuIfyp9+Qvr+MToZddvE0oG9LeLEcXLlElaQQ\n"
    "RC74vou295ElQ+bjVdm0K5RoaemjUzBRMB0GA1UdDgQWBBQK5v6lrhnlDD/f6QM7\n"
    "28rfyJrzyjAfBgNVHSMEGDAWgBQK5v6lrhnlDD/f6QM728rfyJrzyjAPBgNVHRMB\n"
    "Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCPLVeWO4TnNr6Ou3E0kQwKB4BK\n"
    "5/qhDdSkGmvYF2h9LgIgXEroOUOLgat3PN7j8nz4ZfWkhlKjE47rqnJL/DGzn2U=\n"
    "-----END CERTIFICATE-----\n";

}  // namespace vigie::testing
