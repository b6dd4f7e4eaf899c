// A player script of the tests' own, in the form in which yt-dlp's challenge solver looks for its functions.
// Signatures and the parameter "n" are reversed.
var _yt_player = {};
(function (player) {
  "use strict";
  var settings = { signatureTimestamp: 20000 };
  function reversed(text) {
    return text === undefined ? text : text.split("").reverse().join("");
  }
  function Address() {
    this.fields = new Map();
  }
  Address.prototype = {
    set: function (name, value) {
      this.fields.set(name, value);
    },
    get: function (name) {
      return this.fields.get(name);
    },
    unlock: function () {
      this.fields.set("n", reversed(this.fields.get("n")));
    },
  };
  var open = function (url, name, signature) {
    var address = new Address();
    address.set("alr", "yes");
    if (signature) address.set(name, encodeURIComponent(reversed(decodeURIComponent(signature))));
    return address;
  };
})(_yt_player);
