//! TLS from the client's side, over bytes that others carry. Refuses to touch a socket.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// How TLS is asked for.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// The name asked for and verified (SNI; an address is not sent, RFC 6066 §3).
    pub name: String,
    /// Take any certificate.
    pub insecure: bool,
    /// Application protocols offered.
    pub protocols: Vec<Vec<u8>>,
}

/// What became of a TLS handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `TLSv1.3`, where it was completed.
    pub version: Option<String>,
    /// Cipher suite.
    pub cipher: Option<String>,
    /// The application protocol that the server chose. Hostile input.
    pub protocol: Option<String>,
    /// An alert that the server sent: its number and name (RFC 8446 §6).
    pub alert: Option<(u8, &'static str)>,
    /// Why we could not go on.
    pub trouble: Option<String>,
    /// The server's certificate is not to our taste; the connection itself stood.
    pub certificate: bool,
}

/// A configuration, made once for all tries.
#[derive(Clone, Debug)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsClient {
    /// Reads the system's certificates, and makes ready.
    ///
    /// # Errors
    /// No certificates, or a name that is none.
    pub fn new(options: &TlsOptions) -> Result<Self, String> {
        let name = ServerName::try_from(options.name.clone())
            .map_err(|_| format!("{:?} is no server name; give one with --sni", options.name))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("cannot set TLS up: {error}"))?;
        let mut config = if options.insecure {
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
                .with_no_client_auth()
        } else {
            builder.with_root_certificates(roots()?).with_no_client_auth()
        };
        config.alpn_protocols.clone_from(&options.protocols);
        Ok(Self {
            config: Arc::new(config),
            name,
        })
    }

    /// A ClientHello, as the first data of a trace.
    ///
    /// # Errors
    /// TLS cannot begin.
    pub fn hello(&self) -> Result<Vec<u8>, String> {
        self.begin().map(|mut sealed| sealed.outgoing())
    }

    /// Begins one handshake.
    pub(crate) fn begin(&self) -> Result<Sealed, String> {
        ClientConnection::new(Arc::clone(&self.config), self.name.clone())
            .map(|connection| Sealed {
                connection,
                tls: Tls::default(),
            })
            .map_err(|error| format!("cannot begin TLS: {error}"))
    }
}

fn roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    let (usable, _) = store.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(store);
    }
    let why = found
        .errors
        .first()
        .map_or(String::new(), |error| format!(" ({error})"));
    Err(format!(
        "this system has no root certificates{why}; install ca-certificates, point SSL_CERT_FILE at some, or ask with --insecure"
    ))
}

/// One TLS connection.
#[derive(Debug)]
pub struct Sealed {
    connection: ClientConnection,
    /// What became of it.
    pub tls: Tls,
}

impl Sealed {
    /// Whether it is still shaking hands.
    pub fn is_shaking_hands(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// What is to be sent.
    pub fn outgoing(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            if self.connection.write_tls(&mut bytes).is_err() {
                break;
            }
        }
        bytes
    }

    /// Seals a part of what is to be said, as much as there is room for.
    pub fn say(&mut self, bytes: &[u8]) -> usize {
        self.connection.writer().write(bytes).unwrap_or_default()
    }

    /// Takes what came. False where TLS cannot go on; why is in `tls`.
    pub fn take(&mut self, mut bytes: &[u8], mut hear: impl FnMut(&[u8])) -> bool {
        let mut room = [0_u8; 4096];
        while !bytes.is_empty() {
            match self.connection.read_tls(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    self.tls.trouble = Some(error.to_string());
                    return false;
                }
            }
            let done = self.connection.process_new_packets();
            loop {
                match self.connection.reader().read(&mut room) {
                    Ok(0) => break,
                    Ok(count) => hear(&room[..count]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => break,
                }
            }
            if let Err(error) = done {
                self.note(&error);
                return false;
            }
        }
        self.describe();
        true
    }

    fn describe(&mut self) {
        if self.tls.version.is_some() || self.connection.is_handshaking() {
            return;
        }
        let connection = &self.connection;
        self.tls.version = connection
            .protocol_version()
            .and_then(|version| Some(version.as_str()?.replace('_', ".")));
        self.tls.cipher = connection
            .negotiated_cipher_suite()
            .and_then(|suite| Some(suite.suite().as_str()?.to_owned()));
        self.tls.protocol = connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned());
    }

    fn note(&mut self, error: &Error) {
        match error {
            Error::AlertReceived(alert) => {
                let number = u8::from(*alert);
                self.tls.alert = Some((number, alert_name(number)));
            }
            Error::InvalidCertificate(_) => self.tls.certificate = true,
            _ => {}
        }
        self.tls.trouble = Some(error.to_string());
    }
}

/// The names of RFC 8446 §6 and of the registry it refers to.
pub const fn alert_name(number: u8) -> &'static str {
    match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "unknown",
    }
}

/// Takes any certificate, and still checks that the server holds its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
